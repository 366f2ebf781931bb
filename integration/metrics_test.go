package integration

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// families are metrics as Prometheus's own parser reads them.
type families map[string]*dto.MetricFamily

// parse refuses what Prometheus would refuse.
func parse(t testing.TB, text string) families {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("Prometheus cannot read it: %v\n%s", err, text)
	}
	for name, family := range all {
		seen := map[string]bool{}
		for _, m := range family.GetMetric() {
			key := fmt.Sprint(m.GetLabel())
			if seen[key] {
				t.Errorf("%s %s stands twice", name, key)
			}
			seen[key] = true
		}
		if family.GetHelp() == "" || family.GetType() == dto.MetricType_UNTYPED {
			t.Errorf("%s has the help %q and the type %v", name, family.GetHelp(), family.GetType())
		}
	}
	return all
}

// value returns the value of the first sample with these labels, name=value.
func (f families) value(name string, labels ...string) (float64, bool) {
	for _, m := range f[name].GetMetric() {
		have := map[string]bool{}
		for _, l := range m.GetLabel() {
			have[l.GetName()+"="+l.GetValue()] = true
		}
		all := true
		for _, l := range labels {
			all = all && have[l]
		}
		switch {
		case !all:
		case m.GetCounter() != nil:
			return m.GetCounter().GetValue(), true
		case m.GetGauge() != nil:
			return m.GetGauge().GetValue(), true
		}
	}
	return 0, false
}

const metricsConf = `
[supervisord]
identifier=a "b" \c
[inet_http_server]
port=127.0.0.1:PORT
username=joe
password=sec
[metrics]
textfile=DIR/m.prom
interval=1
[program:web]
command=/bin/cat
process_name=w"\%(process_num)d
numprocs=2
[program:talker]
command=TESTPROG words OUT:1234567
startsecs=0
[program:fails]
command=/bin/sh -c 'exit 3'
startretries=1
[eventlistener:ear]
command=/bin/cat
events=PROCESS_STATE
buffer_size=1
`

func TestPrometheusReadsOurMetrics(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no metrics")
	port := freePort(t)
	s := newSup(t, strings.ReplaceAll(metricsConf, "PORT", fmt.Sprint(port))).start()
	s.waitState("fails", "FATAL")
	s.waitState(`web:w"\1`, "RUNNING")
	inside := s.overSocket()
	get := func() families {
		status, text := fetch(t, inside, "http://x/metrics")
		if status != 200 {
			t.Fatalf("got %d %s", status, text)
		}
		return parse(t, text)
	}
	until(t, "talker has spoken", func() (string, bool) {
		got, _ := get().value("supervisor_process_log_bytes_total", "process=talker", "channel=stdout")
		return fmt.Sprint(got), got == 8
	})
	all := get()
	for _, row := range []struct {
		name   string
		labels string // with commas between them
		want   float64
	}{
		{"supervisor_process_up", `group=web,process=w"\0`, 1},
		{"supervisor_process_state", "process=fails,state=FATAL", 1},
		{"supervisor_process_state", "process=fails,state=RUNNING", 0},
		{"supervisor_process_starts_total", "process=fails", 2},
		{"supervisor_process_exits_total", "process=fails,status=3", 2},
		{"supervisor_process_restarts_total", "process=talker", 0},
		{"supervisor_event_pool_waiting", "pool=ear", 1},
		{"supervisor_info", `identifier=a "b" \c`, 1},
	} {
		if got, ok := all.value(row.name, strings.Split(row.labels, ",")...); !ok || got != row.want {
			t.Errorf("%s{%s} is %v (%v), want %v", row.name, row.labels, got, ok, row.want)
		}
	}
	for _, name := range []string{"supervisor_process_resident_memory_bytes", "supervisor_process_cpu_seconds_total", "supervisor_process_open_fds",
		"supervisor_process_uptime_seconds", "supervisor_event_pool_dropped_total", "supervisor_orphans_reaped_total", "supervisor_cpu_seconds_total",
		"supervisor_server_requests_total", "supervisor_server_connections"} {
		if _, ok := all.value(name); !ok {
			t.Errorf("there is no %s", name)
		}
	}
	if dropped, _ := all.value("supervisor_event_pool_dropped_total", "pool=ear"); dropped < 3 {
		t.Errorf("%v events were dropped", dropped)
	}

	// The same without a port, from the command line and in a file.
	byHand := parse(t, s.must(0, "supervisor_process_up", "metrics").out)
	if len(byHand) != len(all) {
		t.Errorf("supervisorctl metrics has %d metrics, /metrics has %d", len(byHand), len(all))
	}
	s.must(0, `{"result":[{"name":"supervisor_process_up",`, "metrics", "--json")
	file := parse(t, waitFile(t, s.path("m.prom"), "supervisor_goroutines"))
	if len(file) != len(all) {
		t.Errorf("the file has %d metrics, /metrics has %d", len(file), len(all))
	}
	until(t, "the file is written again", func() (string, bool) {
		f := parse(t, readFile(t, s.path("m.prom")))
		up, _ := f.value("supervisor_uptime_seconds")
		before, _ := file.value("supervisor_uptime_seconds")
		return fmt.Sprint(up), up > before
	})

	// Over TCP with the password only.
	url := fmt.Sprintf("127.0.0.1:%d/metrics", port)
	if status, text := fetch(t, http.DefaultClient, "http://"+url); status != 401 || strings.Contains(text, "supervisor_") {
		t.Errorf("without a password: got %d %s", status, text)
	}
	if status, text := fetch(t, http.DefaultClient, "http://joe:sec@"+url); status != 200 || len(parse(t, text)) != len(all) {
		t.Errorf("with the password: got %d %s", status, text)
	}
	s.terminate()
	if _, err := os.Stat(s.path("m.prom")); !os.IsNotExist(err) {
		t.Errorf("the file stays: %v", err)
	}
}

func TestOrphansAreCounted(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no metrics")
	s := newSup(t, `
[program:leaves]
command=/bin/sh -c "(sleep 0.3 &); exec sleep 1000"
startsecs=0
`).start()
	until(t, "an orphan was reaped", func() (string, bool) {
		out := s.ctl("metrics").out
		n, _ := parse(t, out).value("supervisor_orphans_reaped_total")
		return fmt.Sprint(n), n == 1
	})
	// It goes on over a reload.
	s.signal(syscall.SIGHUP)
	until(t, "more orphans were reaped", func() (string, bool) {
		r := s.ctl("metrics")
		if r.code != 0 {
			return r.all(), false
		}
		n, _ := parse(t, r.out).value("supervisor_orphans_reaped_total")
		return fmt.Sprint(n), n > 1
	})
	s.terminate()
}
