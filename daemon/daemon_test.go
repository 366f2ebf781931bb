package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc/child"
	"gosupervisor/proc/logfile"
	"gosupervisor/proc/output"
)

// mainVariable has a copy of the test be supervisord.
const mainVariable = "DAEMON_TEST_IS_SUPERVISORD"

func TestMain(m *testing.M) {
	if os.Args[0] == child.ExecName {
		os.Exit(child.ExecMain(os.Args[1:]))
	}
	if os.Getenv(mainVariable) != "" {
		os.Exit(Main(os.Args[0], os.Args[1:]))
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for a condition that should come at once.
const patience = 30 * time.Second

// eventually waits until what holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never came: %s", what)
		}
	}
}

// supervisor is a host with real children, and without sockets.
type supervisor struct {
	*host
	t       *testing.T
	dir     string
	log     string
	signals chan os.Signal
	ended   chan bool // gets what run returned
}

// supervise runs the programs of a configuration until the test ends.
func supervise(t *testing.T, programs string) *supervisor {
	t.Helper()
	dir := t.TempDir()
	s := &supervisor{t: t, dir: dir, log: filepath.Join(dir, "supervisord.log"),
		signals: make(chan os.Signal, 4), ended: make(chan bool, 1)}
	file := filepath.Join(dir, "supervisord.conf")
	s.write(file, "[supervisord]\nchildlogdir="+dir+"\n"+programs)
	load := func() (*conf.Config, error) { return conf.Load(file, nil) }
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{level: conf.Debug}
	if err := j.openFile(logfile.Spec{Path: s.log}); err != nil {
		t.Fatal(err)
	}
	s.host = newHost(cfg, j, &outputs{stdout: output.NewStream(1), stderr: output.NewStream(2), poller: output.NewPoller(),
		syslog: output.NewSyslog(filepath.Join(dir, "no-syslog"))}, past{})
	s.load, s.loadForRestart = load, load
	gone := make(chan struct{}) // closed when no goroutine of it is left
	go func() {
		defer close(gone)
		s.ended <- s.run(s.signals, nil).Restart
	}()
	slots := 0
	for _, g := range cfg.Groups {
		slots += len(g.Programs)
	}
	eventually(t, "the boot", func() bool { return len(s.call(api.GetAllProcessInfo{}).([]api.ProcessInfo)) == slots })
	t.Cleanup(func() {
		s.host.Do(context.Background(), api.Shutdown{})
		select {
		case <-gone:
		case <-time.After(patience):
			t.Error("the supervisor did not end")
		}
		j.close()
		if t.Failed() {
			t.Logf("the activity log:\n%s", s.read(s.log))
		}
	})
	return s
}

func (s *supervisor) write(path, text string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *supervisor) read(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// call performs a request that has to succeed.
func (s *supervisor) call(r api.Request) any {
	s.t.Helper()
	v, err := s.Do(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("%T: %v", r, err)
	}
	return v
}

// faults performs a request that has to fail with a code.
func (s *supervisor) faults(r api.Request, want api.Code) *api.Fault {
	s.t.Helper()
	v, err := s.Do(s.t.Context(), r)
	if err == nil {
		s.t.Fatalf("%T: got %v, want a fault %v", r, v, want)
	}
	f := api.AsFault(err)
	if f.Code != want {
		s.t.Fatalf("%T: got fault %v, want %v", r, f, want)
	}
	return f
}

func (s *supervisor) info(name string) api.ProcessInfo {
	s.t.Helper()
	return s.call(api.GetProcessInfo{Name: name}).(api.ProcessInfo)
}

func (s *supervisor) waitFor(name, state string) api.ProcessInfo {
	s.t.Helper()
	var p api.ProcessInfo
	eventually(s.t, name+" "+state, func() bool { p = s.info(name); return p.StateName == state })
	return p
}

func (s *supervisor) waitForLog(text string) {
	s.t.Helper()
	eventually(s.t, "log line with "+text, func() bool { return strings.Contains(s.read(s.log), text) })
}
