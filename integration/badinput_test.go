package integration

import (
	"debug/elf"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestProgramIsStatic(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it is a script")
	file, err := elf.Open(program("supervisord"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary asks for a dynamic loader")
		}
	}
	if libs, err := file.ImportedLibraries(); err != nil || len(libs) > 0 {
		t.Errorf("the binary needs the libraries %v (%v)", libs, err)
	}
}

// TestTheBinaryIsNoLargerThanSevenMegabytes holds the README to its word.
func TestTheBinaryIsNoLargerThanSevenMegabytes(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it is a script")
	if !strings.Contains(strings.Join(strings.Fields(readFile(t, "../README.md")), " "), "one binary of seven megabytes") {
		t.Error("the README says something else")
	}
	info, err := os.Stat(program("supervisord"))
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(7_000_000); info.Size() > most {
		t.Errorf("the binary has %d bytes, %d more than are allowed", info.Size(), info.Size()-most)
	}
}

func TestBadConfigurationIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, conf string
		want       string // how stderr begins
		where      string // the place that our message names besides
	}{
		{"an unknown user", "[program:x]\ncommand=/bin/cat\nuser=nosuchuser\n", "Error: Invalid user name nosuchuser in section 'program:x' (file: 'CONF')", "c.conf:13: [program:x] user"},
		{"an unknown user of the daemon", "[supervisord]\nuser=nosuchuser\n", "Error: Invalid user name nosuchuser", "c.conf:12: [supervisord] user"},
		{"a log in a missing directory", "[program:x]\ncommand=/bin/cat\nstdout_logfile=/nonexistent/x.log\n", "Error: The directory named as part of the path /nonexistent/x.log does not exist in section 'program:x' (file: 'CONF')", "c.conf:13: [program:x] stdout_logfile"},
		{"the daemon's log in a missing directory", "[supervisord]\nlogfile=/nonexistent/s.log\n", "Error: The directory named as part of the path /nonexistent/s.log does not exist", "c.conf:12: [supervisord] logfile"},
		{"a pid file in a missing directory", "[supervisord]\npidfile=/nonexistent/s.pid\n", "Error: The directory named as part of the path /nonexistent/s.pid does not exist", "c.conf:12: [supervisord] pidfile"},
		{"no command", "[program:x]\nautostart=true\n", "Error: program section program:x does not specify a command in section 'program:x' (file: 'CONF')", "c.conf:11: [program:x] command"},
		{"a bad number", "[program:x]\ncommand=/bin/cat\nstartsecs=soon\n", "Error: invalid literal for int() with base 10: 'soon' in section 'program:x' (file: 'CONF')", "c.conf:13: [program:x] startsecs"},
		{"a bad size", "[supervisord]\nlogfile_maxbytes=5XB\n", "Error: invalid literal for int() with base 10: '5xb'", "c.conf:12: [supervisord] logfile_maxbytes"},
		{"a bad expansion", "[program:x]\ncommand=/bin/echo %(nope)s\n", "Error: Format string '/bin/echo %(nope)s' for 'program:x.command' contains names ('nope') which cannot be expanded.", "c.conf:12: [program:x] command"},
		{"a group of nothing known", "[group:g]\nprograms=nosuch\n", "Error: [group:g] names unknown program or fcgi-program nosuch", "c.conf:12: [group:g] programs"},
		{"a line that is no key", "[program:x]\njust words\n", "Error: Source contains parsing errors: 'CONF'", "c.conf:12: "},
		{"include without files", "[include]\nx=y\n", "Error: .ini file has [include] section, but no files setting", "c.conf:11: [include] files"},
		{"a bad value in an included file", "[include]\nfiles=bad.inc\n", "Error: invalid 'autorestart' value 'maybe' in section 'program:inc' (file: 'DIR/bad.inc')", "bad.inc:3: [program:inc] autorestart"},
		{"an exit code out of range", "[program:x]\ncommand=/bin/cat\nexitcodes=0,300\n", "Error: not a valid list of exit codes: '0,300' in section 'program:x' (file: 'CONF')", "c.conf:13: [program:x] exitcodes"},
		{"a contradiction", "[program:x]\ncommand=/bin/cat\nstopasgroup=true\nkillasgroup=false\n", "Error: Cannot set stopasgroup=true and killasgroup=false in section 'program:x' (file: 'CONF')", "c.conf:14: [program:x] killasgroup"},
		{"many without a number", "[program:x]\ncommand=/bin/cat\nnumprocs=2\n", "Error: %(process_num) must be present within process_name when numprocs > 1 in section 'program:x' (file: 'CONF')", "c.conf:11: [program:x] process_name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, c.conf)
			writeFile(t, s.path("bad.inc"), "[program:inc]\ncommand=/bin/cat\nautorestart=maybe\n", 0o644)
			want := strings.NewReplacer("CONF", s.conf, "DIR", s.dir).Replace(c.want)
			for _, args := range [][]string{{"-c", s.conf}, {"-n", "-c", s.conf}} {
				r := s.runDaemon(args...)
				if r.code != 2 || r.out != "" || !strings.HasPrefix(r.err, want) || !strings.Contains(r.err, "\nFor help, use "+program("supervisord")+" -h\n") {
					t.Errorf("%v: exit status %d, stdout %q; stderr, which must begin with %q:\n%s", args, r.code, r.out, want, r.err)
				}
				if !original && !strings.Contains(r.err, s.dir+"/"+c.where) {
					t.Errorf("%v: stderr does not name %s:\n%s", args, c.where, r.err)
				}
			}
			for _, name := range []string{"s.log", "s.pid", "s.sock"} {
				if _, err := os.Lstat(s.path(name)); !os.IsNotExist(err) {
					t.Errorf("%s was made: %v", name, err)
				}
			}
		})
	}
}

func TestConfigurationFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram)
	if err := os.Mkdir(s.path("dir.conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	missing := s.path("missing.conf")
	r := s.runDaemon("-c", missing)
	if want := "Error: could not find config file " + missing + "\n"; r.code != 2 || !strings.HasPrefix(r.err, want) {
		t.Errorf("missing: exit status %d, stderr %q, want %q", r.code, r.err, want)
	}
	r = s.runDaemon("-c", s.path("dir.conf"))
	if want := "Error: could not read config file " + s.path("dir.conf") + "\n"; r.code != 2 || !strings.HasPrefix(r.err, want) {
		t.Errorf("directory: exit status %d, stderr %q, want %q", r.code, r.err, want)
	}
	if os.Getuid() == 0 {
		if err := os.Chmod(s.conf, 0); err != nil {
			t.Fatal(err)
		}
		s.wrap = asNobody
		r = s.runDaemon("-c", s.conf)
		if want := "Error: could not read config file " + s.conf + "\n"; r.code != 2 || !strings.HasPrefix(r.err, want) {
			t.Errorf("unreadable: exit status %d, stderr %q, want %q", r.code, r.err, want)
		}
	}
}

func asNobody(cmd *exec.Cmd) {
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
}

func TestIncludeOfItselfAndBackEnds(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram+`
[include]
files=*.conf other.inc
`)
	writeFile(t, s.path("other.inc"), "[include]\nfiles=c.conf other.inc\n[program:other]\ncommand=/bin/cat\n", 0o644)
	s.start()
	s.waitPID("cat")
	s.waitPID("other")
	s.waitLog(`INFO Included extra file "` + s.path("other.inc") + `" during parsing`)
	s.terminate()
}

func TestUnknownKeysAndSectionsAreNoError(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram+"colour=blue\n[supervisord]\nspeed=%(nope)s\n[nonsense]\nx=y\n").start()
	s.waitPID("cat")
	s.terminate()
}

func TestFullDiskUnderALogStopsNothingElse(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := newSup(t, `
[program:talker]
command=TESTPROG signals
stdout_logfile=DIR/small/talker.log
[program:filler]
command=TESTPROG lines filler 20000 100
stdout_logfile=DIR/small/filler.log
stderr_logfile=DIR/filler.err
[program:other]
command=TESTPROG signals
stdout_logfile=DIR/other.log
`)
	small := s.path("small")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s.start()
	talker := s.waitPID("talker")
	s.waitPID("other")
	s.waitPID("filler")
	// The writer is not held up although its log has been full for long.
	waitFile(t, s.path("filler.err"), "lines done")
	until(t, "the file system is full", func() (string, bool) {
		var fs syscall.Statfs_t
		err := syscall.Statfs(small, &fs)
		return fmt.Sprint(fs.Bfree, err), err == nil && fs.Bfree == 0
	})
	s.must(0, "talker: signalled", "signal", "USR1", "talker")
	s.must(0, "other: signalled", "signal", "USR1", "other")
	waitFile(t, s.path("other.log"), "got USR1")
	s.must(0, "filler: stopped", "stop", "filler")
	if got := s.waitPID("talker"); got != talker {
		t.Errorf("pid of talker %d, had %d", got, talker)
	}
	// With space again the log goes on.
	if err := os.Remove(filepath.Join(small, "filler.log")); err != nil {
		t.Fatal(err)
	}
	s.must(0, "talker: signalled", "signal", "USR2", "talker")
	waitFile(t, filepath.Join(small, "talker.log"), "got USR2")
	s.must(0, "talker: stopped", "stop", "talker")
	s.terminate()
}

func TestFullDiskUnderTheDaemonsLogStopsNothing(t *testing.T) {
	t.Parallel()
	oursOnly(t, "its shutdown ends with an error then")
	s := newSup(t, `
[supervisord]
logfile=/dev/full
logfile_maxbytes=0
[program:p]
command=TESTPROG words OUT:lost
stdout_logfile=/dev/full
stdout_logfile_maxbytes=0
`).start()
	pid := s.waitPID("p")
	s.must(0, "p: stopped", "stop", "p")
	s.must(0, "p: started", "start", "p")
	s.waitNewPID("p", pid)
	s.terminate()
}

func TestLogDirectoryThatVanishes(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:old]
command=TESTPROG signals
stdout_logfile=DIR/logs/old.log
[program:new]
command=/bin/cat
stdout_logfile=DIR/logs/new.log
autostart=false
[program:other]
command=/bin/cat
autostart=false
`)
	if err := os.Mkdir(s.path("logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.start()
	old := s.waitPID("old")
	if err := os.RemoveAll(s.path("logs")); err != nil {
		t.Fatal(err)
	}
	s.must(7, "new: ERROR (spawn error)", "start", "new")
	s.waitLog("INFO spawnerr: unknown error making dispatchers for 'new': ENOENT")
	s.must(0, "old: signalled", "signal", "USR1", "old")
	s.must(0, "other: started", "start", "other")
	if got := s.waitPID("old"); got != old {
		t.Errorf("pid of old %d, had %d", got, old)
	}
	s.terminate()
}

func TestSocketInTheWay(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it waits for ever for a silent listener, and removes what is no socket")
	t.Run("a plain file", func(t *testing.T) {
		t.Parallel()
		s := newSup(t, catProgram)
		writeFile(t, s.path("s.sock"), "precious\n", 0o644)
		r := s.runDaemon("-c", s.conf)
		if r.code != 2 || !strings.HasPrefix(r.err, "Error: ") {
			t.Errorf("exit status %d, stderr %q", r.code, r.err)
		}
		if got := readFile(t, s.path("s.sock")); got != "precious\n" {
			t.Errorf("the file now holds %q", got)
		}
	})
	t.Run("a listener that never answers", func(t *testing.T) {
		t.Parallel()
		s := newSup(t, catProgram)
		listener, err := net.Listen("unix", s.path("s.sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		r := s.runDaemon("-c", s.conf)
		if r.code != 2 || !strings.HasPrefix(r.err, "Error: Another program is already listening") {
			t.Errorf("exit status %d, stderr %q", r.code, r.err)
		}
		conn, err := net.Dial("unix", s.path("s.sock"))
		if err != nil {
			t.Fatalf("the listener's socket: %v", err)
		}
		conn.Close()
	})
}

func TestRunningOutOfDescriptorsHitsOnlyThoseThatNeedMore(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[supervisord]
minfds=100
[program:p]
command=/bin/cat
process_name=p%(process_num)03d
numprocs=60
startretries=0
[program:good]
command=/bin/cat
priority=1
`)
	s.wrap = underShell("ulimit -n 100")
	s.start()
	pid := s.waitPID("good")
	until(t, "some programs run and others cannot", func() (string, bool) {
		text := s.ctl("status").out
		return text, strings.Contains(text, "too many open files to spawn 'p0") && strings.Contains(text, "RUNNING") &&
			!strings.Contains(text, "STARTING") && !strings.Contains(text, "BACKOFF")
	})
	if got := s.waitPID("good"); got != pid {
		t.Errorf("pid of good %d, had %d", got, pid)
	}
	s.terminate()
}
