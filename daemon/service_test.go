package daemon

import (
	"strings"
	"testing"

	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/logfile"
)

func TestALogThatIsNoFileOfItsOwnIsNone(t *testing.T) {
	s := supervise(t, "[program:p]\ncommand=/bin/cat\nstdout_logfile=/dev/null\nstderr_logfile=/dev/tty\nautostart=false\n")
	for _, r := range []api.Request{
		api.ReadProcessLog{Name: "p", Channel: api.Stdout}, api.FollowProcessLog{Name: "p", Channel: api.Stdout, FileOnly: true},
		api.ReadProcessLog{Name: "p", Channel: api.Stderr}, api.FollowProcessLog{Name: "p", Channel: api.Stderr, FileOnly: true},
	} {
		s.faults(r, api.NoFile)
	}
	h := &host{journal: &journal{file: logfile.New(logfile.Spec{Path: "/dev/null"})}}
	for _, r := range []api.Request{api.ReadLog{}, api.FollowLog{}} {
		o := h.performIO(core.Perform{Req: r})
		if _, err := o.then(); err == nil || api.AsFault(err).Code != api.NoFile {
			t.Errorf("%T: %v", r, err)
		}
	}
}

func TestAutomaticLogsOfAGroupThatFailAreToldOfInOneLine(t *testing.T) {
	s := supervise(t, "childlogdir=/proc\n[program:p]\ncommand=/bin/cat\nautostart=false\nnumprocs=3\nprocess_name=%(process_num)d\n"+
		"[program:q]\ncommand=/bin/cat\nautostart=false\nredirect_stderr=true\n")
	s.waitForLog(`/q-stdout-`)
	s.waitForLog(`and 5 more, so only the end of this output is kept, in memory: `)
	for _, name := range []string{"p:0", "p:2", "q"} {
		s.faults(api.ReadProcessLog{Name: name, Channel: api.Stdout}, api.NoFile)
	}
	var told []string
	for line := range strings.Lines(s.read(s.log)) {
		if strings.Contains(line, "automatic log") {
			told = append(told, line)
		}
	}
	if len(told) != 2 || strings.Contains(told[1], " more") {
		t.Errorf("got %q", told)
	}
}
