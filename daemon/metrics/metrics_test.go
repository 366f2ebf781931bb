package metrics

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/promtext"
	"gosupervisor/daemon/core"
)

var update = flag.Bool("update", false, "write testdata anew")

func ptr[T any](v T) *T { return &v }

// snapshot has a sample of everything.
func snapshot() *Snapshot {
	return &Snapshot{
		Version: "4.3.0", Started: time.UnixMilli(1767323045250), Uptime: 90 * time.Second,
		Tally: core.Tally{
			Identifier: `sup"er`, Rereads: 2, BadRereads: 1,
			Usage: []api.ProcessUsage{
				{Group: "web", Name: "web_00", StateName: "RUNNING", PID: 7, Start: 1767323050, Uptime: 85.5, Starts: 3, Restarts: 2,
					CPUSeconds: ptr(1.25), RSS: ptr(int64(4096)), FDs: ptr(5), Threads: ptr(6), Processes: ptr(2)},
				{Group: "x", Name: "x", StateName: "FATAL", Starts: 4},
				{Group: "y", Name: "y", StateName: "STARTING", PID: 8, Start: 1767323051, Starts: 1},
			},
			Counts: []core.ProcessCounts{{Exits: []core.StatusCount{{Status: "0", Count: 1}, {Status: "SIGKILL", Count: 2}}}, {FailedStarts: 4}, {}},
			Pools:  []core.QueueCounts{{Name: "ear", Accepted: 9, Delivered: 5, Rejected: 2, Dropped: 1, Waiting: 3}},
			Hooks:  []core.QueueCounts{{Name: "h", Accepted: 4, Dropped: 2, Waiting: 1}},
		},
		Logs: []Log{
			{Group: "web", Process: "web_00", Channel: api.Stdout, Bytes: 1000, Dropped: 10, DroppedLines: -1},
			{Group: "web", Process: "web_00", Channel: api.Stderr, Bytes: 5, Dropped: -1, DroppedLines: 7},
		},
		Servers: []Server{{Section: "unix_http_server", Connections: 1, Accepted: 10, Refused: 2, BadLogins: 3, Requests: map[string]uint64{"ndjson": 4, "http": 5}}},
		Own: Own{CPU: 1500 * time.Millisecond, RSS: 9 << 20, FDs: 12, MaxFDs: 1024, Goroutines: 20, Heap: 1 << 20, Orphans: 6,
			Dropped: map[string]int64{"stdout": 1, "stderr": 0, "activity_log": 2, "syslog": 3}},
	}
}

func TestEverythingIsListed(t *testing.T) {
	var b strings.Builder
	if err := promtext.Write(&b, List(snapshot())); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/all.prom"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || b.String() != string(want) {
		t.Errorf("%v; got\n%s", err, b.String())
	}
}

func TestWhatIsNotKnownIsLeftOut(t *testing.T) {
	for _, m := range List(&Snapshot{Own: Own{FDs: -1}}) {
		if slices.Contains([]string{"supervisor_open_fds", "supervisor_resident_memory_bytes", "supervisor_process_up", "supervisor_output_dropped_bytes_total"}, m.Name) {
			t.Errorf("%s: %v", m.Name, m.Samples)
		}
	}
}

// TestNamesFollowTheConventions holds for rows to come, too.
func TestNamesFollowTheConventions(t *testing.T) {
	form := regexp.MustCompile(`^supervisor_[a-z0-9_]*[a-z0-9]$`)
	seen := map[string]bool{}
	for _, r := range rows() {
		switch {
		case seen[r.name]:
			t.Errorf("%s stands twice", r.name)
		case !form.MatchString(r.name):
			t.Errorf("%s is no name", r.name)
		case strings.HasSuffix(r.name, "_total") != (r.kind == api.Counter):
			t.Errorf("%s is a %s", r.name, r.kind)
		case r.help == "" || !strings.HasSuffix(r.help, "."):
			t.Errorf("%s: the help is %q", r.name, r.help)
		}
		seen[r.name] = true
	}
	for _, m := range List(snapshot()) {
		for _, s := range m.Samples {
			names := make([]string, len(s.Labels))
			for i, l := range s.Labels {
				names[i] = l.Name
			}
			if len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
				t.Errorf("%s has the labels %q", m.Name, names)
			}
		}
		delete(seen, m.Name)
	}
	if len(seen) > 0 {
		t.Errorf("the snapshot of this test has nothing for %v", seen)
	}
}

// TestTheDocumentHasEveryMetric compares with docs/metrics.md.
func TestTheDocumentHasEveryMetric(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows() {
		if !strings.Contains(string(text), "`"+r.name+"`") && !strings.Contains(string(text), "`"+r.name+"{") {
			t.Errorf("docs/metrics.md does not have %s", r.name)
		}
	}
}
