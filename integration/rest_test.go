package integration

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNothingWakesUpTheDaemonAtRest watches it for longer than the minute after which
// Go's runtime would look whether it is to collect garbage. No condition can be waited
// for in its place: what is to be seen is that nothing happens, and the runtime looks
// every minute or two whatever else is done. So this test alone waits for
// time to pass.
func TestNothingWakesUpTheDaemonAtRest(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it wakes up every second")
	needQuietRuntime(t)
	s := newSup(t, "[program:p]\ncommand=/bin/cat\nnumprocs=3\nprocess_name=%(process_num)d\nstdout_logfile=DIR/%(process_num)d.log\n").start()
	until(t, "all programs run", func() (string, bool) {
		r := s.ctl("status")
		return r.all(), strings.Count(r.out, " RUNNING ") == 3
	})
	// The rest begins with the first seconds in which no thread runs.
	quiet, last := time.Now(), ""
	until(t, "three seconds without a switch", func() (string, bool) {
		if now := fmt.Sprint(switches(t, s.pid)); now != last {
			quiet, last = time.Now(), now
		}
		return last, time.Since(quiet) > 3*time.Second
	})
	before, watched := switches(t, s.pid), time.NewTimer(65*time.Second)
	<-watched.C
	if n := switches(t, s.pid) - before; n != 0 {
		t.Errorf("in 65 seconds in which nothing happened threads went to sleep %d times", n)
	}
	s.must(0, "RUNNING", "status", "p:0")
	s.terminate()
}

// quietRelease is the release of Go whose runtime is told not to look (early/monitor.go).
const quietRelease = "go1.26"

// needQuietRuntime leaves a test out where supervisord was built by a release of Go, for
// a processor, or without the tag, for which the runtime looks after garbage as it likes.
func needQuietRuntime(t *testing.T) {
	t.Helper()
	info, err := buildinfo.ReadFile(program("supervisord"))
	if err != nil {
		t.Fatal(err)
	}
	if why := noisy(info); why != "" {
		inapplicable(t, "the runtime of this supervisord wakes up by itself: "+why)
	}
}

// noisy says why the runtime of a binary is left as it is; "" if it is not.
func noisy(info *buildinfo.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	release, _, _ := strings.Cut(info.GoVersion, " ") // experiments follow
	switch arch := settings["GOARCH"]; {
	case release != quietRelease && !strings.HasPrefix(release, quietRelease+"."):
		return "it was built with " + info.GoVersion + ", not with " + quietRelease
	case arch != "amd64" && arch != "arm64":
		return "it is for " + arch
	case !slices.Contains(strings.Split(settings["-tags"], ","), "pid1"):
		return "it was built without the tag pid1, which make gives"
	}
	return ""
}

func TestTheRuntimeIsKnownByItsBinary(t *testing.T) {
	build := func(release, arch, tags string) *buildinfo.BuildInfo {
		return &buildinfo.BuildInfo{GoVersion: release, Settings: []debug.BuildSetting{{Key: "GOARCH", Value: arch}, {Key: "-tags", Value: tags}}}
	}
	for name, tt := range map[string]struct {
		info *buildinfo.BuildInfo
		want string
	}{
		"make on amd64":           {build("go1.26.8", "amd64", "pid1"), ""},
		"make on arm64":           {build("go1.26", "arm64", "pid1"), ""},
		"an experiment":           {build("go1.26.8 X:greenteagc", "amd64", "pid1"), ""},
		"one tag of many":         {build("go1.26.8", "amd64", "x,pid1"), ""},
		"the release after it":    {build("go1.27.0", "amd64", "pid1"), "not with go1.26"},
		"a number that is longer": {build("go1.260", "amd64", "pid1"), "not with go1.26"},
		"another processor":       {build("go1.26.8", "riscv64", ""), "it is for riscv64"},
		"go build":                {build("go1.26.8", "amd64", ""), "without the tag pid1"},
	} {
		if got := noisy(tt.info); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// switches returns how often the threads of a process have gone to sleep.
func switches(t *testing.T, pid int) (sum int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("no threads of process %d: %v", pid, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if number, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				n, err := strconv.Atoi(strings.TrimSpace(number))
				if err != nil {
					t.Fatal(err)
				}
				sum += n
			}
		}
	}
	return sum
}
