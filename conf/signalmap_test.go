package conf

import (
	"fmt"
	"strings"
	"testing"
)

func TestSignalKeys(t *testing.T) {
	const program = "[program:p]\ncommand=x\nstopwaitsecs=7\n"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", program, "TERM 7 [] reload HUP, map []"},
		{"a sequence", program + "stop_sequence=QUIT:3 term SIGINT:1\n", "QUIT 3 [{terminated 7} {interrupt 1}] reload HUP, map []"},
		{"a sequence with its kill", program + "stop_sequence=INT:0 KILL\n", "INT 0 [] reload HUP, map []"},
		{"a reload", program + "reload_signal=USR1\n", "TERM 7 [] reload USR1, map []"},
		{"a map", "signal_map = USR1:web=USR2 , WINCH:g:*=QUIT,TERM:all=15,\n" + program, "TERM 7 [] reload HUP, map [USR1:web=USR2 WINCH:g:*=QUIT TERM:all=TERM]"},
		{"nothing but the kill", program + "stop_sequence=KILL\n", "no signal to begin with: 'KILL'"},
		{"nothing", program + "stop_sequence=\n", "no signal to begin with: ''"},
		{"something after the kill", program + "stop_sequence=TERM KILL INT\n", "nothing comes after KILL: 'TERM KILL INT'"},
		{"a wait after the kill", program + "stop_sequence=TERM KILL:3\n", "nothing comes after KILL"},
		{"no signal", program + "stop_sequence=TERM:1 NOPE:2\n", "value 'NOPE' is not a valid signal name"},
		{"zero", program + "reload_signal=0\n", "0 is no signal"},
		{"no time", program + "stop_sequence=TERM:soon\n", "not a number of seconds: 'soon'"},
		{"a time before now", program + "stop_sequence=TERM:-1\n", "not a number of seconds: '-1'"},
		{"too many steps", program + "stop_sequence=" + strings.Repeat("TERM ", 17) + "\n", "more than 16 steps"},
		{"no rule", "signal_map=USR1\n" + program, "not a rule SIGNAL:NAME=SIGNAL: 'USR1'"},
		{"a rule for nobody", "signal_map=USR1:=HUP\n" + program, "not a rule SIGNAL:NAME=SIGNAL: 'USR1:=HUP'"},
		{"a signal that never comes", "signal_map=KILL:p=TERM\n" + program, "SIGKILL cannot be handed on"},
		{"a signal of our own", "signal_map=CHLD:p=TERM\n" + program, "SIGCHLD cannot be handed on"},
		{"no signal to send", "signal_map=USR1:p=NOPE\n" + program, "value 'NOPE' is not a valid signal name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := loadString("[supervisord]\n" + tt.text)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				p := cfg.Groups[0].Programs[0]
				got = fmt.Sprintf("%s %d %v reload %s, map %v", plainSignal(p.StopSignal), p.StopWaitSecs, p.StopThen, plainSignal(p.ReloadSignal), cfg.Server.SignalMap)
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
