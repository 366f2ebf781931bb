package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNothingWakesUpTheDaemonAtRest watches it for longer than the minute after which
// Go's runtime would look whether it is to collect garbage.
func TestNothingWakesUpTheDaemonAtRest(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it wakes up every second")
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
