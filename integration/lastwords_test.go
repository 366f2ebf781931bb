package integration

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLastWords has a program end the daemon whose output went to a file, to
// nowhere and to our own output, and looks what the container's log shows of it.
func TestLastWords(t *testing.T) {
	t.Parallel()
	oursOnly(t, "nobody can look into the file of a container that has ended")
	program := `
[program:main]
command=/bin/sh -c 'i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo out $i; done; echo oops >&2; exit 3'
autorestart=false
startsecs=0
on_exit=shutdown
stdout_logfile=DIR/main.log
`
	start := "==== main (pid "
	for _, row := range []struct {
		name, server, keys string
		wrap               func(*exec.Cmd)
		has, lacks         []string
	}{
		{"first process", "", "stderr_logfile=NONE\n", asFirst,
			[]string{start, "): exit status 3, 1 start\n---- stdout, its last 20 lines:\nout 11\n", "\nout 30\n---- stderr, its last 1 line:\noops\n==== end of main\n"}, []string{"out 10\n"}},
		{"another", "", "stderr_logfile=NONE\n", nil, nil, []string{start}},
		{"another that was told to", "fatal_tail_lines=2\n", "stderr_logfile=NONE\n", nil,
			[]string{"): exit status 3, 1 start\n---- stdout, its last 2 lines:\nout 29\nout 30\n---- stderr"}, []string{"out 28\n"}},
		{"what is there already", "", "stderr_logfile=/dev/stderr\nstderr_logfile_maxbytes=0\n", asFirst,
			[]string{"out 30\n==== end of main\n"}, []string{"---- stderr"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.wrap != nil {
				needRoot(t)
			}
			s := newSup(t, "[supervisord]\n"+row.server+program+row.keys)
			s.wrap = row.wrap
			s.launch()
			if code := s.waitExit(); code != 3 {
				t.Errorf("left with %d, want 3", code)
			}
			out := s.out.String()
			for _, text := range row.has {
				if !strings.Contains(out, text) {
					t.Errorf("the output lacks %q:\n%s", text, out)
				}
			}
			for _, text := range row.lacks {
				if strings.Contains(out, text) {
					t.Errorf("the output has %q:\n%s", text, out)
				}
			}
		})
	}
}
