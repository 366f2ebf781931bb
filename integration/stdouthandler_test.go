package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// relayed is what configurations of containers have to bring all output to the
// daemon's own.
const relayed = `
[program:web]
command=/bin/sh -c "echo one; printf 'two\n\nthr\303\251e'; exec sleep 1000"
stdout_events_enabled=true
[program:job]
command=/bin/sh -c "echo oops >&2; exec sleep 1000"
stderr_events_enabled=true
[eventlistener:stdout]
command=supervisor_stdout
buffer_size=100
events=PROCESS_LOG
result_handler=supervisor_stdout:event_handler
`

func TestTheBuiltInListenerBringsOutputToTheDaemonsOwn(t *testing.T) {
	t.Parallel()
	oursOnly(t, "there the listener is a package to be installed")
	for _, c := range []struct{ name, more string }{
		{"as we are", ""},
		{"as another user", "user=nobody\numask=077\n"},
		{"from another directory", "directory=/\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			needRoot(t)
			s := newSup(t, relayed+c.more).start()
			until(t, "every line on the daemon's stdout", func() (string, bool) {
				out := s.out.String()
				return out, inOrder(out, "\nweb stdout | one\n", "web stdout | two\nweb stdout | \nweb stdout | thr\u00e9e\n") &&
					strings.Contains(out, "\njob stderr | oops\n")
			})
			s.must(0, "stdout: stopped", "stop", "stdout")
			s.must(0, "stdout: started", "start", "stdout")
			s.terminate()
		})
	}
}

// The ways in which configurations of containers are found to write it.
func TestTheBuiltInListenerIsKnownHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	oursOnly(t, "there the listener is a package to be installed")
	for name, section := range map[string]string{
		"blanks around and behind": "[eventlistener:stdout] \ncommand = supervisor_stdout \nbuffer_size = 100 \nevents = PROCESS_LOG\nresult_handler = supervisor_stdout:event_handler\n",
		"a path":                   "[eventlistener:std]\ncommand=/usr/local/bin/supervisor_stdout\nevents=PROCESS_LOG_STDOUT,PROCESS_LOG_STDERR\nbuffer_size=1000\nresult_handler=supervisor_stdout:event_handler\n",
		"a buffer for many, from the first moment on": "[eventlistener:stdout]\npriority=1\ncommand=supervisor_stdout\nbuffer_size=10000\nevents=process_log\nresult_handler=supervisor_stdout:event_handler\nautorestart=true\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, "[program:web]\ncommand=/bin/sh -c \"for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done; exec sleep 1000\"\n"+
				"stdout_events_enabled = true\nstderr_events_enabled = true\n"+section).start()
			until(t, "every line on the daemon's stdout", func() (string, bool) {
				out := s.out.String()
				return out, inOrder(out, "\nweb stdout | line 1\n", "web stdout | line 2\n", "web stdout | line 3\n", "web stdout | line 4\n", "web stdout | line 5\n")
			})
			s.terminate()
		})
	}
}

func TestAnInstalledListenerOfThatNameIsUsed(t *testing.T) {
	t.Parallel()
	oursOnly(t, "there the listener is a package to be installed")
	s := newSup(t, relayed+"environment=PATH=\"%(here)s\"\nstartsecs=0\nautorestart=false\n")
	own := filepath.Join(s.dir, "supervisor_stdout")
	if err := os.WriteFile(own, []byte("#!/bin/sh\necho >"+s.path("ran")+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.start()
	waitFile(t, s.path("ran"), "\n")
	s.terminate()
}
