package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosupervisor/ctl/api"
	"gosupervisor/lacking"
)

// openFiles counts our descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		lacking.Skip(t, err)
	}
	return len(fds)
}

func TestHooksLeaveNothingOpen(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	s := supervise(t, `[hook:cat]
events=REMOTE_COMMUNICATION
command=/bin/sh -c 'cat >>`+out+`; echo said; echo complained >&2; exit 5'
[hook:missing]
events=REMOTE_COMMUNICATION
command=/nonexistent/x
[hook:nowhere]
events=REMOTE_COMMUNICATION
command=/bin/cat
directory=/nonexistent
[hook:stuck]
events=REMOTE_COMMUNICATION
timeout=1
command=/bin/sleep 1000
`)
	const n = 20
	send := func(from int) {
		t.Helper()
		for i := range n {
			s.call(api.SendRemoteCommEvent{Type: "n", Data: fmt.Sprint(from + i)})
		}
		eventually(t, "every event", func() bool {
			return strings.Count(s.read(s.log), "WARN hook cat: failed for REMOTE_COMMUNICATION (exit status 5)") == from+n
		})
	}
	send(0)
	before := openFiles(t)
	send(n)
	// Those of a hook that is waited for are all that may come and go.
	eventually(t, "no more descriptors than before", func() bool { return openFiles(t) <= before+2 })
	for i, line := range strings.Split(strings.TrimSpace(s.read(out)), "\n") {
		if want := fmt.Sprintf(`"type":"n","data":"%d"}`, i); !strings.HasPrefix(line, `{"hook":"cat","event":"REMOTE_COMMUNICATION",`) || !strings.HasSuffix(line, want) {
			t.Errorf("event %d is %s", i, line)
		}
	}
	log := s.read(s.log)
	for text, want := range map[string]int{
		"INFO hook cat: said\n": 2 * n, "INFO hook cat: complained\n": 2 * n,
		"ERRO hook missing: cannot be run for REMOTE_COMMUNICATION: can't find command '/nonexistent/x'\n": 2 * n,
	} {
		if got := strings.Count(log, text); got != want {
			t.Errorf("%q is %d times in the log, want %d", text, got, want)
		}
	}
	s.waitForLog("WARN hook nowhere: failed for REMOTE_COMMUNICATION (exit status 127)")
	s.waitForLog("WARN hook stuck: not done with REMOTE_COMMUNICATION after 1 seconds, killing its process group")
	s.waitForLog("DEBG hook stuck: ended (terminated by SIGKILL)")
	if strings.Contains(log, "reaped unknown pid") || strings.Contains(log, "nobody knows") {
		t.Error("the command of a hook was taken for somebody else's")
	}
}
