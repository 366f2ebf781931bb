package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestAutomaticLogs(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[supervisord]
identifier=My.id
[program:p]
command=TESTPROG words OUT:to-stdout ERR:to-stderr
[program:idle]
command=/bin/cat
autostart=false
[program:none]
command=TESTPROG words OUT:unheard
stdout_logfile=NONE
stderr_logfile=NONE
`).start()
	s.waitPID("p")
	one := func(pattern string) string {
		t.Helper()
		found, err := filepath.Glob(s.path(pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v (%v), want one file", pattern, found, err)
		}
		info, err := os.Stat(found[0])
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode of %s: %v (%v), want 0600", found[0], info.Mode(), err)
		}
		return found[0]
	}
	const random = "????????.log"
	waitFile(t, one("p-stdout---My.id-"+random), "to-stdout\n")
	waitFile(t, one("p-stderr---My.id-"+random), "to-stderr\n")
	one("idle-stdout---My.id-" + random)
	if found, _ := filepath.Glob(s.path("none-*")); len(found) > 0 {
		t.Errorf("files of a program without logs: %v", found)
	}
	s.waitPID("none")
	if original {
		s.must(1, "none: ERROR (no log file)", "tail", "none")
	} else {
		s.must(0, "unheard\n", "tail", "none") // from memory
	}
	s.must(0, "to-stdout", "tail", "p")
	s.must(0, "to-stderr", "tail", "p", "stderr")
	s.terminate()
	one("p-stdout---My.id-" + random)
}

func TestRedirectedStderrSharesOneFile(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:p]
command=TESTPROG words OUT:one ERR:two OUT:three
redirect_stderr=true
stdout_logfile=DIR/p.log
`).start()
	s.waitPID("p")
	if got := waitFile(t, s.path("p.log"), "three\n"); got != "one\ntwo\nthree\n" {
		t.Errorf("log %q", got)
	}
	if found, _ := filepath.Glob(s.path("p-stderr*")); len(found) > 0 {
		t.Errorf("a log for stderr: %v", found)
	}
	s.must(1, "p: ERROR (no log file)", "tail", "p", "stderr")
	s.terminate()
}

func TestStripAnsi(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[supervisord]
strip_ansi=true
[program:p]
command=/usr/bin/printf '\033[31mred\033[0m plain \033[1;32mgreen\033[m\n'
startsecs=0
autorestart=false
stdout_logfile=DIR/p.log
`).start()
	if got := waitFile(t, s.path("p.log"), "\n"); got != "red plain green\n" {
		t.Errorf("log %q", got)
	}
	s.terminate()
}

// TestRotationLosesNothing has programs write numbered lines as fast as they
// can into small files, while the logs are reopened.
func TestRotationLosesNothing(t *testing.T) {
	t.Parallel()
	const lines = 30000
	s := newSup(t, fmt.Sprintf(`
[program:w]
command=TESTPROG lines %%(process_num)d %d 40
process_name=w%%(process_num)d
numprocs=2
stdout_logfile=DIR/w%%(process_num)d.log
stdout_logfile_maxbytes=100KB
stdout_logfile_backups=200
stderr_logfile=DIR/w%%(process_num)d.err
`, lines)).start()
	for i := range 2 {
		s.waitPID(fmt.Sprintf("w:w%d", i))
		s.signal(syscall.SIGUSR2)
	}
	for i := range 2 {
		name := s.path(fmt.Sprintf("w%d", i))
		waitFile(t, name+".err", "lines done")
		var files int
		until(t, "all lines are written", func() (string, bool) {
			var problem string
			files, problem = wholeSeries(t, name+".log", strconv.Itoa(i), lines)
			return problem, problem == ""
		})
		if files < 10 {
			t.Errorf("%d files, want the log to have been rotated often", files)
		}
	}
	s.terminate()
}

// wholeSeries checks that a log and its rotated files hold the lines 1..n of
// NAME, in order and each once, and returns how many files there are.
func wholeSeries(t *testing.T, path, name string, n int) (files int, problem string) {
	t.Helper()
	text, files := wholeLog(t, path)
	want := 1
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != name || f[1] != fmt.Sprintf("%07d", want) || !strings.HasSuffix(line, "\n") {
			return files, fmt.Sprintf("%s: instead of line %d there is %q", path, want, line)
		}
		want++
	}
	if want != n+1 {
		return files, fmt.Sprintf("%s: lines up to %d, want %d", path, want-1, n)
	}
	return files, ""
}

// wholeLog returns a log with its rotated files, oldest first.
func wholeLog(t *testing.T, path string) (text string, files int) {
	t.Helper()
	old, err := filepath.Glob(path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	number := func(p string) int {
		n, err := strconv.Atoi(p[len(path)+1:])
		if err != nil {
			t.Fatalf("odd file %s", p)
		}
		return n
	}
	slices.SortFunc(old, func(a, b string) int { return number(b) - number(a) })
	var all strings.Builder
	for _, p := range append(old, path) {
		all.WriteString(readFile(t, p))
	}
	return all.String(), len(old) + 1
}

func TestRotationKeepsTheConfiguredNumberOfFiles(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:few]
command=TESTPROG lines few 2000 40
stdout_logfile=DIR/few.log
stdout_logfile_maxbytes=1KB
stdout_logfile_backups=2
stderr_logfile=DIR/few.err
[program:never]
command=TESTPROG lines never 2000 40
stdout_logfile=DIR/never.log
stdout_logfile_maxbytes=0
stderr_logfile=DIR/never.err
[program:single]
command=TESTPROG lines single 2000 40
stdout_logfile=DIR/single.log
stdout_logfile_maxbytes=1KB
stdout_logfile_backups=0
stderr_logfile=DIR/single.err
`).start()
	for _, name := range []string{"few", "never", "single"} {
		s.waitPID(name)
		waitFile(t, s.path(name+".err"), "lines done")
	}
	until(t, "the whole log that is never rotated", func() (string, bool) {
		files, problem := wholeSeries(t, s.path("never.log"), "never", 2000)
		return fmt.Sprint(files, problem), files == 1 && problem == ""
	})
	s.must(0, "stopped", "stop", "all")
	for name, most := range map[string]int{"few": 3, "single": 1} {
		text, files := wholeLog(t, s.path(name+".log"))
		if files != most {
			t.Errorf("%s: %d files, want %d", name, files, most)
		}
		var last int
		for line := range strings.Lines(text) {
			f := strings.Fields(line)
			n, err := 0, error(nil)
			if len(f) == 3 {
				n, err = strconv.Atoi(f[1])
			}
			if err != nil || (last != 0 && n != last+1) {
				t.Fatalf("%s: after line %d comes %q", name, last, line)
			}
			last = n
		}
		if last != 2000 && text != "" {
			t.Errorf("%s: the last line is %d, want 2000", name, last)
		}
	}
	s.terminate()
}

func TestLastWordsAreLogged(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:exits]
command=TESTPROG die 60000 0
startsecs=0
autorestart=false
stdout_logfile=DIR/exits.log
[program:killed]
command=TESTPROG die 60000 KILL
startsecs=0
autorestart=false
stdout_logfile=DIR/killed.log
[program:big]
command=TESTPROG die 3000000 0
startsecs=0
autorestart=false
stdout_logfile=DIR/big.log
`).start()
	for name, size := range map[string]int{"exits": 60000, "killed": 60000, "big": 3000000} {
		s.waitLog("exited: " + name + " (")
		// Output comes before the news of the exit, so it is there by now.
		text := readFile(t, s.path(name+".log"))
		if len(text) != size+len("last words") || !strings.HasSuffix(text, "zzlast words") {
			t.Errorf("%s: log of %d bytes ends in %q, want %d bytes", name, len(text), text[max(0, len(text)-20):], size+10)
		}
	}
	s.terminate()
}

func TestGrandchildThatKeepsThePipeDelaysNothing(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:p]
command=TESTPROG grandchild 3
startsecs=0
autorestart=false
stdout_logfile=DIR/p.log
`).start()
	s.waitState("p", "EXITED")
	s.waitLog("WARN exited: p (exit status 3; not expected)")
	text := readFile(t, s.path("p.log"))
	if !strings.Contains(text, "last words of the parent\n") {
		t.Errorf("log %q lacks the last words", text)
	}
	var grandchild int
	if _, err := fmt.Sscanf(text, "grandchild %d", &grandchild); err != nil || !alive(grandchild) {
		t.Errorf("the grandchild of %q is not alive (%v)", text, err)
	}
	s.must(0, "p: started", "start", "p")
	s.terminate()
}

func TestClosedOutputCostsNothing(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:p]
command=/bin/sh -c "exec >&- 2>&-; exec TESTPROG stay"
[program:later]
command=/bin/cat
autostart=false
startsecs=4
`).start()
	pid := s.waitPID("p")
	before := cpuTicks(t, s.pid)
	// A daemon that reads the closed pipes again and again would be busy for
	// the four seconds that this takes, which are 400 ticks.
	s.must(0, "later: started", "start", "later")
	if used := cpuTicks(t, s.pid) - before; used > 100 {
		t.Errorf("the daemon used %d ticks of processor time for waiting", used)
	}
	if got := s.waitPID("p"); got != pid {
		t.Errorf("pid %d, had %d", got, pid)
	}
	s.terminate()
}

func TestOutputWithoutNewlineIsWhole(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:p]
command=TESTPROG flood 64
stdout_logfile=DIR/p.log
stdout_logfile_maxbytes=0
`).start()
	s.waitPID("p")
	const want = 64<<20 + 1
	until(t, "64 MiB in the log", func() (string, bool) {
		info, err := os.Stat(s.path("p.log"))
		if err != nil {
			return err.Error(), false
		}
		return fmt.Sprint(info.Size()), info.Size() == want
	})
	var kb int
	if _, err := fmt.Sscan(statusField(t, s.pid, "VmHWM"), &kb); err != nil {
		t.Fatal(err)
	}
	if kb > 100<<10 {
		t.Errorf("the daemon has used %d KiB of memory", kb)
	}
	s.terminate()
}

func TestClearEmptiesTheLog(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:p]
command=TESTPROG signals
stdout_logfile=DIR/p.log
`).start()
	s.waitPID("p")
	waitFile(t, s.path("p.log"), "ready")
	s.must(0, "p: cleared", "clear", "p")
	if got := readFile(t, s.path("p.log")); got != "" {
		t.Errorf("after clear the log holds %q", got)
	}
	s.must(0, "p: signalled", "signal", "USR1", "p")
	waitFile(t, s.path("p.log"), "got USR1")
	s.must(0, "p: stopped", "stop", "p")
	if !original { // it says so and does nothing
		s.must(0, "p: cleared", "clear", "p")
		if got := readFile(t, s.path("p.log")); got != "" {
			t.Errorf("after clear of a stopped program the log holds %q", got)
		}
	}
	s.terminate()
}
