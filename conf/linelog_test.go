package conf

import (
	"fmt"
	"strings"
	"testing"
)

func TestLineLogKeys(t *testing.T) {
	const prog = "[program:p]\ncommand=x\n"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", prog, `raw "p |" none 16384 200 block`},
		{"all of them", prog + "log_format=JSON\nlog_prefix=<%(group_name)s>\nlog_timestamps=RFC3339\nlog_max_line=1MB\nlog_partial_ms=0\nlog_backpressure=Ring\n",
			`json "<p>" rfc3339 1048576 0 ring`},
		{"the name of the process", prog + "numprocs=2\nnumprocs_start=7\nprocess_name=w%(process_num)d\nlog_prefix=%(program_name)s/%(process_name)s/%(process_num)d:\n",
			`raw "p/w7/7:" none 16384 200 block`},
		{"a default by the name of the process", prog + "process_name=w\n", `raw "w |" none 16384 200 block`},
		{"no prefix", prog + "log_prefix=\n", `raw "" none 16384 200 block`},
		{"for all programs", "[program-defaults]\nlog_format=prefix\nlog_prefix=%(program_name)s:\n" + prog, `prefix "p:" none 16384 200 block`},
		{"of a listener", "[eventlistener:p]\ncommand=x\nevents=EVENT\nlog_format=logfmt\n", `logfmt "p |" none 16384 200 block`},
		{"no such format", prog + "log_format=xml\n", "not one of raw, prefix, json, logfmt: 'xml'"},
		{"no such time", prog + "log_timestamps=iso\n", "not one of none, rfc3339, epoch: 'iso'"},
		{"no such policy", prog + "log_backpressure=true\n", "not one of block, drop, ring: 'true'"},
		{"a line too short", prog + "log_max_line=63\n", "not a size from 64 bytes to 1MB: '63'"},
		{"a line too long", prog + "log_max_line=2MB\n", "not a size from 64 bytes to 1MB: '2MB'"},
		{"no size", prog + "log_max_line=16K\n", "(write 16KB)"},
		{"too long a wait", prog + "log_partial_ms=60001\n", "60001 is not between 0 and 60000"},
		{"less than no wait", prog + "log_partial_ms=-1\n", "-1 is not between 0 and 60000"},
		{"a prefix of two lines", prog + "log_prefix=a\n b\n", "a prefix of lines has no control characters: 'a\\nb'"},
		{"a prefix with a name that is not there", prog + "log_prefix=%(nope)s\n", "'nope'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := loadString("[supervisord]\n" + tt.text)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				g := cfg.Groups[0].Programs[0].Log
				got = fmt.Sprintf("%s %q %s %d %d %s", g.Format, g.Prefix, g.Timestamps, g.MaxLine, g.PartialMS, g.Backpressure)
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestADashIsTheOutputOfTheDaemon(t *testing.T) {
	p := mustLoad(t, "[supervisord]\n[program:p]\ncommand=x\nstdout_logfile=-\nstderr_logfile=-\n").Groups[0].Programs[0]
	if p.Stdout.Logfile != "/dev/stdout" || p.Stderr.Logfile != "/dev/stderr" {
		t.Errorf("got %q and %q", p.Stdout.Logfile, p.Stderr.Logfile)
	}
	p = mustLoad(t, "[supervisord]\n[program:p]\ncommand=x\nstdout_logfile=/tmp/-\n").Groups[0].Programs[0]
	if p.Stdout.Logfile != "/tmp/-" {
		t.Errorf("got %q for a file", p.Stdout.Logfile)
	}
}
