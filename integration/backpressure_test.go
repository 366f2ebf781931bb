package integration

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestWhatBecomesOfLinesThatNobodyReads under each policy: whether the program is
// held up, and that each line is there or counted, in order.
func TestWhatBecomesOfLinesThatNobodyReads(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it blocks as a whole")
	const lines = 60000 // 6 MB
	for _, c := range []struct {
		policy string
		format string
		waits  bool
		newest bool // the last lines are there
	}{
		{"block", "prefix", true, true},
		{"drop", "prefix", false, false},
		{"drop", "raw", false, false},
		{"ring", "prefix", false, true},
		{"ring", "raw", false, true},
	} {
		t.Run(c.policy+" "+c.format, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, fmt.Sprintf(`
[supervisord]
silent=true
[program:p]
command=TESTPROG lines p %d 90
stdout_logfile=/dev/stdout
stderr_logfile=DIR/p.err
log_format=%s
log_backpressure=%s
`, lines, c.format, c.policy))
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			s.wrap = func(cmd *exec.Cmd) { cmd.Stdout = writer }
			s.start()
			writer.Close()
			s.waitPID("p")
			if !c.waits {
				waitFile(t, s.path("p.err"), "lines done")
				s.must(0, "p: stopped", "stop", "p") // all that it wrote has been taken
			}
			go func() { _, _ = io.Copy(s.out, reader) }()
			prefix := ""
			if c.format == "prefix" {
				prefix = "p | "
			}
			next, dropped, last := 0, 0, false
			until(t, "every line, or word of it", func() (string, bool) {
				text := s.out.String()
				next, dropped = 0, 0
				for line := range strings.Lines(text) {
					if !strings.HasSuffix(line, "\n") {
						break
					}
					line = strings.TrimPrefix(line, prefix)
					var n int
					if _, err := fmt.Sscanf(line, "... %d lines dropped\n", &n); err == nil {
						next, dropped, last = next+n, dropped+n, false
						continue
					}
					if next++; line != fmt.Sprintf("p %07d %s\n", next, strings.Repeat("x", 90)) {
						t.Fatalf("line %q, where %d is to come", line, next)
					}
					last = true
				}
				return tail(text), next == lines
			})
			if c.waits != (dropped == 0) {
				t.Errorf("%d lines were dropped", dropped)
			}
			if last != c.newest {
				t.Errorf("the last line is there: %v, want %v", last, c.newest)
			}
			if !c.waits {
				s.must(0, fmt.Sprintf(`supervisor_process_log_dropped_lines_total{channel="stdout",group="p",process="p"} %d`, dropped), "metrics")
			}
			s.terminate()
		})
	}
}
