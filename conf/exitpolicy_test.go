package conf

import (
	"fmt"
	"strings"
	"testing"
)

func TestExitPolicyKeys(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "[program:p]\ncommand=x\n", "ignore ignore auto -1"},
		{"in capitals", "exit_status=ZERO\nfatal_tail_lines=0\n[program:p]\ncommand=x\non_fatal=Shutdown\non_exit=SHUTDOWN\n", "shutdown shutdown zero 0"},
		{"the other words", "fatal_tail_lines=1000\n[program:p]\ncommand=x\non_fatal=shutdown_when_all\non_exit=shutdown_on_failure\n",
			"shutdown_when_all shutdown_on_failure auto 1000"},
		{"as a default of programs", "[program-defaults]\non_fatal=shutdown\n[program:p]\ncommand=x\n", "shutdown ignore auto -1"},
		{"no such word", "[program:p]\ncommand=x\non_exit=true\n",
			"not one of ignore, shutdown, shutdown_on_failure: 'true' (write on_exit=shutdown)"},
		{"too many lines", "fatal_tail_lines=1001\n[program:p]\ncommand=x\n", "not a number of lines from 0 to 1000: '1001'"},
		{"fewer than none", "fatal_tail_lines=-1\n[program:p]\ncommand=x\n", "not a number of lines from 0 to 1000: '-1'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := loadString("[supervisord]\n" + tt.text)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				p := cfg.Groups[0].Programs[0]
				got = fmt.Sprint(p.OnFatal, " ", p.OnExit, " ", cfg.Server.ExitStatus, " ", cfg.Server.FatalTailLines)
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
