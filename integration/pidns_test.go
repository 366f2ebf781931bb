package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asFirst runs the daemon as the first process of a pid namespace.
func asFirst(cmd *exec.Cmd) {
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
	cmd.SysProcAttr.Setsid = false // it leads its session anyway
}

// asFirstWithProc does the same, with the /proc of that namespace.
func asFirstWithProc(cmd *exec.Cmd) {
	asFirst(cmd)
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNS
	cmd.Args = append([]string{testprog, "ownproc", cmd.Path}, cmd.Args...)
	cmd.Path = testprog
}

func TestFirstProcessOfAPidNamespace(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := newSup(t, `
[program:p]
command=TESTPROG signals
stdout_logfile=DIR/p.log
[program:orphans]
command=TESTPROG orphans 40
stdout_logfile=DIR/orphans.log
autostart=false
`)
	s.wrap = asFirst
	s.start()
	if got := strings.TrimSpace(s.must(0, "", "pid").out); got != "1" {
		t.Errorf("the daemon has pid %s, want 1", got)
	}
	s.waitState("p", "RUNNING")
	// The /proc here is that of the test: its numbers mean others.
	if r := s.ctl("top", "p"); !regexp.MustCompile(`(?m)^p +RUNNING +\d+ +- +- +- +- +- `).MatchString(r.out) || !strings.Contains(r.err, "is not known") {
		t.Errorf("top: exit status %d, output:\n%s", r.code, r.all())
	}
	if r := s.ctl("metrics"); r.code != 0 || !strings.Contains(r.out, `supervisor_process_up{group="p",process="p"} 1`) || strings.Contains(r.out, "supervisor_process_resident_memory_bytes{") {
		t.Errorf("metrics: exit status %d, output:\n%s", r.code, r.all())
	}
	s.waitLog("WARN what programs take of the machine is not known: list processes of /proc: it shows the processes of another pid namespace")
	s.must(0, "orphans: started", "start", "orphans")
	waitFile(t, s.path("orphans.log"), "orphans made 40")
	until(t, "all orphans are reaped", func() (string, bool) {
		text := s.log()
		return tail(text), strings.Count(text, "INFO reaped unknown pid ") == 40 &&
			strings.Count(text, "(exit status 7)") == 40
	})
	s.signal(syscall.SIGUSR2)
	s.waitLog("received SIGUSR2 indicating log reopen request")
	s.signal(syscall.SIGHUP)
	s.waitLog("received SIGHUP indicating restart request", "supervisord started with pid 1")
	s.waitState("p", "RUNNING")
	s.terminate()
	if text := readFile(t, s.path("p.log")); strings.Count(text, "bye after TERM") != 2 {
		t.Errorf("the program was not stopped twice in order:\n%s", text)
	}
}

func TestFirstProcessNeverDaemonizes(t *testing.T) {
	t.Parallel()
	needRoot(t)
	oursOnly(t, "it daemonizes and so ends the namespace")
	s := newSup(t, catProgram)
	s.wrap = func(cmd *exec.Cmd) {
		asFirst(cmd)
		cmd.Args = []string{cmd.Args[0], "-c", s.conf} // without -n
	}
	s.start()
	if got := strings.TrimSpace(s.must(0, "", "pid").out); got != "1" {
		t.Errorf("the daemon has pid %s, want 1", got)
	}
	s.waitState("cat", "RUNNING")
	if strings.Contains(s.log(), "daemonizing") {
		t.Error("it daemonized")
	}
	s.terminate()
}

// TestThousandsOfOrphansLeaveNoZombieAndStealNoStatus is not parallel to others: on a small machine
// what it runs takes all there is, and the forks of the command would wait for them, too.
func TestThousandsOfOrphansLeaveNoZombieAndStealNoStatus(t *testing.T) {
	needRoot(t)
	oursOnly(t, "it reaps too slowly")
	conf := `
[program:orphans]
command=TESTPROG orphans 5000
stdout_logfile=DIR/orphans.log
autostart=false
[program:exits]
command=/bin/sh -c "exit %(process_num)d"
process_name=exits%(process_num)d
numprocs=4
numprocs_start=21
exitcodes=21,22,23,24
startsecs=0
autorestart=true
stdout_logfile=NONE
stderr_logfile=NONE
`
	for name, wrap := range map[string]func(*exec.Cmd){"as the first process": asFirst, "as a subreaper": nil} {
		t.Run(name, func(t *testing.T) {
			s := newSup(t, conf)
			s.wrap = wrap
			s.start()
			s.must(0, "orphans: started", "start", "orphans")
			waitFile(t, s.path("orphans.log"), "orphans made 5000")
			until(t, "no orphan is left", func() (string, bool) {
				left := 0
				for _, p := range descendants(s.pid) {
					if p.name == "testprog" {
						left++
					}
				}
				return fmt.Sprint(left), left == 1 // the one that made them
			})
			s.must(0, "orphans: stopped", "stop", "orphans")
			s.must(0, "", "stop", "exits:*")
			text := s.log()
			for line := range strings.Lines(text) {
				if _, rest, ok := strings.Cut(line, "exited: exits"); ok {
					number, status, _ := strings.Cut(rest, " ")
					if want := fmt.Sprintf("(exit status %s; expected)\n", number); status != want {
						t.Errorf("exits%s: %q, want %q", number, status, want)
					}
				}
			}
			if n := strings.Count(text, "exited: exits"); n < 20 {
				t.Errorf("%d exits next to the orphans, want many", n)
			}
			s.terminate()
		})
	}
}

func TestSubreaperAdoptsOrphans(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it is no subreaper")
	s := newSup(t, `
[program:p]
command=TESTPROG grandchild 0
startsecs=0
autorestart=false
stdout_logfile=DIR/p.log
`).start()
	s.waitState("p", "EXITED")
	var orphan int
	if _, err := fmt.Sscanf(waitFile(t, s.path("p.log"), "last words"), "grandchild %d", &orphan); err != nil {
		t.Fatal(err)
	}
	until(t, "the daemon is the orphan's parent", func() (string, bool) {
		p, ok := lookUp(orphan)
		return p.String(), ok && p.ppid == s.pid
	})
	if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.waitLog(fmt.Sprintf("reaped unknown pid %d (terminated by SIGKILL)", orphan))
	s.terminate()
}

// TestBareRoot runs the daemon where there is next to nothing: no /proc, no
// /tmp, no /etc/passwd, no terminal, no variable in the environment, and no
// writable file system but /run.
func TestBareRoot(t *testing.T) {
	t.Parallel()
	needRoot(t)
	oursOnly(t, "it needs an interpreter and its library")
	s := newSup(t, "")
	root := s.path("root")
	for _, dir := range []string{"", "bin", "dev", "etc", "run"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, program("supervisord"), filepath.Join(root, "bin/supervisord"))
	copyFile(t, testprog, filepath.Join(root, "bin/testprog"))
	if err := syscall.Mknod(filepath.Join(root, "dev/null"), syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "etc/c.conf"), `
[unix_http_server]
file=/run/s.sock
[supervisord]
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/s.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:p]
command=/bin/testprog signals
user=12345
stdout_logfile=/dev/stdout
redirect_stderr=true
[program:rep]
command=/bin/testprog report -
stdout_logfile=/run/rep.log
stderr_logfile=NONE
[program:orphans]
command=/bin/testprog orphans 100
stdout_logfile=/dev/stdout
stderr_logfile=NONE
autostart=false
`, 0o644)
	s.wrap = func(cmd *exec.Cmd) {
		asFirst(cmd)
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNS
		cmd.Path = testprog
		cmd.Args = []string{testprog, "nsinit", root, "/bin/supervisord", "-n", "-c", "/etc/c.conf"}
		cmd.Env = []string{marker + "=" + s.mark}
	}
	s.launch()
	// Its files are seen through its root.
	inside := fmt.Sprintf("/proc/%d/root/run/", s.pid)
	until(t, "the daemon listens", func() (string, bool) {
		s.running()
		conn, err := net.Dial("unix", inside+"s.sock")
		if err != nil {
			return err.Error(), false
		}
		conn.Close()
		return "", true
	})
	ctl := func(args ...string) result {
		return s.ctl(append([]string{"-s", "unix://" + inside + "s.sock"}, args...)...)
	}
	for _, name := range []string{"p", "rep"} {
		until(t, name+" runs", func() (string, bool) {
			r := ctl("status", name)
			return r.all(), strings.Contains(r.out, "RUNNING")
		})
	}
	r := parseReport(t, waitFile(t, inside+"rep.log", "\n"))
	if home, ok := r.env("HOME"); ok {
		t.Errorf("HOME is %q, want it unset", home)
	}
	if got := statusField(t, s.pid, "NSpid"); !strings.HasSuffix(got, "\t1") {
		t.Errorf("NSpid %q, want pid 1 inside", got)
	}
	if r := ctl("start", "orphans"); r.code != 0 {
		t.Errorf("start orphans: status %d, output %s", r.code, r.all())
	}
	until(t, "the orphans are reaped", func() (string, bool) {
		text := s.out.String()
		return tail(text), strings.Contains(text, "orphans made 100") && strings.Count(text, "reaped unknown pid") == 100
	})
	s.signal(syscall.SIGHUP)
	until(t, "the daemon starts again", func() (string, bool) {
		return tail(s.out.String()), strings.Count(s.out.String(), "success: p entered RUNNING") == 2
	})
	s.terminate()
	if text := s.out.String(); !inOrder(text, "supervisord started with pid 1", "ready ", "got TERM", "bye after TERM") {
		t.Errorf("output:\n%s", text)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	if err := copyProgram(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestSignalBeforeTheFirstInstruction starts the first process with a signal
// that was sent already and waits for somebody to unblock it, which the runtime
// does long before it would call a handler of the program's. It is the earliest
// that a signal can come and not be the kernel's to drop. USR2 is not among them:
// sent to one thread, it waits for that thread, and the runtime unblocks it in
// another.
func TestSignalBeforeTheFirstInstruction(t *testing.T) {
	t.Parallel()
	needRoot(t)
	oursOnly(t, "it loses signals while it starts")
	for _, row := range []struct {
		signal syscall.Signal
		says   string
		stops  bool
	}{
		{syscall.SIGTERM, "received SIGTERM indicating exit request", true},
		{syscall.SIGINT, "received SIGINT indicating exit request", true},
		{syscall.SIGQUIT, "received SIGQUIT indicating exit request", true},
		{syscall.SIGHUP, "received SIGHUP indicating restart request", false},
	} {
		t.Run(row.signal.String(), func(t *testing.T) {
			t.Parallel()
			s := newSup(t, catProgram)
			s.wrap = func(cmd *exec.Cmd) {
				asFirst(cmd)
				cmd.Args = append([]string{testprog, "pending", fmt.Sprint(int(row.signal)), cmd.Path}, cmd.Args...)
				cmd.Path = testprog
			}
			s.launch()
			s.waitLog(row.says)
			if row.stops {
				s.waitGone()
				return
			}
			s.waitListening()
			s.waitState("cat", "RUNNING")
			s.terminate()
		})
	}
}

// TestTermAtAnyMomentOfBoot sends TERM after delays, which are the input of
// this test. A first process always ends in order: what comes before its first
// instruction the kernel keeps from it, so it may be sent TERM twice, but it
// never dies of one. Any other process is killed by what comes before its
// runtime has a handler, as every program is. From the first line of its log on,
// every signal ends it in order.
func TestTermAtAnyMomentOfBoot(t *testing.T) {
	t.Parallel()
	needRoot(t)
	oursOnly(t, "as the first process it loses signals, else it dies from them")
	conf := `
[program:p]
command=TESTPROG signals
stdout_logfile=DIR/p.log
[program:q]
command=/bin/false
[program:r]
command=/nonexistent
`
	var delays []time.Duration
	for ms := range 30 {
		delays = append(delays, time.Duration(ms)*time.Millisecond)
	}
	for ms := 50; ms < 1500; ms += 150 {
		delays = append(delays, time.Duration(ms)*time.Millisecond)
	}
	for name, wrap := range map[string]func(*exec.Cmd){"as the first process": asFirst, "as another": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			early := 0
			for _, delay := range delays {
				s := newSup(t, conf)
				s.wrap = wrap
				s.launch()
				pause(delay)
				if !s.termUntilGone(wrap != nil) {
					early++
					continue
				}
				if left := marked(s.mark); len(left) > 0 {
					t.Errorf("TERM after %v: processes left: %v", delay, left)
				}
				for _, file := range []string{"s.sock", "s.pid"} {
					if _, err := os.Lstat(s.path(file)); !os.IsNotExist(err) {
						t.Errorf("TERM after %v: %s is still there", delay, file)
					}
				}
			}
			t.Logf("%d of %d daemons ended before their first line", early, len(delays))
			if wrap != nil && early > 0 || early > len(delays)/2 {
				t.Errorf("%d of %d daemons ended before their first line", early, len(delays))
			}
		})
	}
}

// termUntilGone sends TERM and waits for the end. A first process that could not
// catch TERM yet is sent it again when it can. It returns false when the signal
// killed a process that is not the first, before its first line.
func (s *sup) termUntilGone(first bool) bool {
	s.t.Helper()
	sent, blind := false, false
	until(s.t, "the daemon ends", func() (string, bool) {
		select {
		case <-s.gone:
			return "", true
		default:
		}
		if !sent {
			blind = s.log() == ""
			sent = catches(s.pid, syscall.SIGTERM)
			_ = syscall.Kill(s.pid, syscall.SIGTERM) // it may be gone
		}
		return fmt.Sprintf("sent while it caught TERM: %v; before its first line: %v", sent, blind), false
	})
	state := s.cmd.ProcessState
	if state.ExitCode() == 0 {
		return true
	}
	if first || !blind {
		s.t.Errorf("after TERM the daemon ended with %v; its output:\n%s", state, s.out.String())
	}
	return false
}

// catches reports whether a process has a handler for a signal.
func catches(pid int, sig syscall.Signal) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), "SigCgt:\t")
	hex, _, _ := strings.Cut(rest, "\n")
	mask, err := strconv.ParseUint(hex, 16, 64)
	return err == nil && mask&(1<<(sig-1)) != 0
}
