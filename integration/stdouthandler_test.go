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
