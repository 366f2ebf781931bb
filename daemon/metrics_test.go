package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// sampleOf returns a value by the name of its metric and, of its labels, name=value.
func sampleOf(list []api.Metric, metric string, labels ...string) (float64, bool) {
	for _, m := range list {
		if m.Name != metric {
			continue
		}
	samples:
		for _, s := range m.Samples {
			have := ""
			for _, l := range s.Labels {
				have += "," + l.Name + "=" + l.Value + ","
			}
			for _, want := range labels {
				if !strings.Contains(have, ","+want+",") {
					continue samples
				}
			}
			return s.Value, true
		}
	}
	return 0, false
}

func (s *supervisor) metric(name string, labels ...string) float64 {
	s.t.Helper()
	v, ok := sampleOf(s.call(api.GetMetrics{}).([]api.Metric), name, labels...)
	if !ok {
		s.t.Fatalf("there is no %s %q", name, labels)
	}
	return v
}

func TestMetricsOfRealProcesses(t *testing.T) {
	s := supervise(t, `[program:talker]
command=/bin/sh -c "echo 1234567; echo 123 >&2; exec sleep 1000"
startsecs=0
[program:full]
command=/bin/sh -c "echo 1234567; exec sleep 1000"
startsecs=0
stdout_logfile=/dev/full
stdout_logfile_maxbytes=0
[program:fails]
command=/bin/sh -c "exit 3"
startretries=1
[program:dies]
command=/bin/sh -c "kill -KILL $$"
startsecs=0
autorestart=false
`)
	s.waitFor("fails", "FATAL")
	s.waitFor("dies", "EXITED")
	s.waitFor("talker", "RUNNING")
	eventually(t, "the words of talker", func() bool {
		return s.metric("supervisor_process_log_bytes_total", "process=talker", "channel=stdout") == 8 &&
			s.metric("supervisor_process_log_bytes_total", "process=talker", "channel=stderr") == 4 &&
			s.metric("supervisor_process_log_dropped_bytes_total", "process=full", "channel=stdout") == 8
	})
	for _, tt := range []struct {
		metric string
		labels []string
		want   float64
	}{
		{"supervisor_process_up", []string{"process=talker", "group=talker"}, 1},
		{"supervisor_process_up", []string{"process=dies"}, 0},
		{"supervisor_process_state", []string{"process=fails", "state=FATAL"}, 1},
		{"supervisor_process_state", []string{"process=fails", "state=RUNNING"}, 0},
		{"supervisor_process_starts_total", []string{"process=fails"}, 2},
		{"supervisor_process_restarts_total", []string{"process=fails"}, 1},
		{"supervisor_process_failed_starts_total", []string{"process=fails"}, 2},
		{"supervisor_process_exits_total", []string{"process=fails", "status=3"}, 2},
		{"supervisor_process_exits_total", []string{"process=dies", "status=SIGKILL"}, 1},
		{"supervisor_process_log_dropped_bytes_total", []string{"process=talker"}, 0},
		{"supervisor_process_processes", []string{"process=talker"}, 1},
		{"supervisor_info", []string{"identifier=supervisor"}, 1},
	} {
		if got := s.metric(tt.metric, tt.labels...); got != tt.want {
			t.Errorf("%s %q is %v, want %v", tt.metric, tt.labels, got, tt.want)
		}
	}
	for _, name := range []string{"supervisor_process_resident_memory_bytes", "supervisor_process_open_fds", "supervisor_process_uptime_seconds",
		"supervisor_process_start_time_seconds", "supervisor_resident_memory_bytes", "supervisor_open_fds", "supervisor_goroutines",
		"supervisor_cpu_seconds_total", "supervisor_heap_bytes", "supervisor_max_fds", "supervisor_uptime_seconds"} {
		if got := s.metric(name); got <= 0 {
			t.Errorf("%s is %v", name, got)
		}
	}
	before := s.metric("supervisor_orphans_reaped_total")
	s.host.Orphan(12345, syscall.WaitStatus(0))
	if got := s.metric("supervisor_orphans_reaped_total"); got != before+1 {
		t.Errorf("%v orphans, had %v", got, before)
	}
}

func TestTextfileIsWrittenAsAWholeAndRemovedAtTheEnd(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n")
	s.waitFor("cat", "RUNNING")
	dir := t.TempDir()
	path := filepath.Join(dir, "m.prom")
	if err := s.host.writeTextfile(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("got %v, %v", st, err)
	}
	// Who reads the old one while a new one is written, reads all of it.
	old, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := s.host.writeTextfile(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(path); err != nil || os.SameFile(st, now) {
		t.Errorf("the file was written over: %v", err)
	}
	text := make([]byte, 1<<20)
	n, err := old.Read(text)
	if err != nil || !strings.Contains(string(text[:n]), "supervisor_process_up{group=\"cat\",process=\"cat\"} 1\n") {
		t.Errorf("got %v, %s", err, text[:n])
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("the directory holds %v, %v", names, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		(&textfile{h: s.host, conf: conf.Metrics{Textfile: path, Interval: 3600}}).keep(ctx)
	}()
	eventually(t, "a file", func() bool { _, err := os.Stat(path); return err == nil })
	cancel()
	<-gone
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file stays: %v", err)
	}
}

func TestTextfileThatCannotBeWrittenIsToldOnce(t *testing.T) {
	s := supervise(t, "")
	dir := filepath.Join(t.TempDir(), "later")
	f := &textfile{h: s.host, conf: conf.Metrics{Textfile: filepath.Join(dir, "m.prom"), Interval: 7}}
	for range 3 {
		f.write(t.Context())
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f.write(t.Context())
	log := s.read(s.log)
	for text, want := range map[string]int{"ERRO cannot write the metrics to " + f.conf.Textfile + ", trying again every 7 seconds: ": 1,
		"INFO the metrics can be written to " + f.conf.Textfile + " again": 1} {
		if got := strings.Count(log, text); got != want {
			t.Errorf("%q was told %d times", text, got)
		}
	}
}
