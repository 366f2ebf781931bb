package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// toStdout logs to the daemon's own output. Without maxbytes=0 the original
// stumbles over a stream that cannot be rotated.
func toStdout() string {
	conf := `
[program:p]
command=TESTPROG signals
stdout_logfile=/dev/stdout
stderr_logfile=/dev/stderr
[program:q]
command=TESTPROG words OUT:q-to-stdout ERR:q-to-stderr
stdout_logfile=/dev/stdout
stderr_logfile=/dev/stderr
`
	if original {
		conf = strings.ReplaceAll(conf, "=/dev/stdout", "=/dev/stdout\nstdout_logfile_maxbytes=0")
		conf = strings.ReplaceAll(conf, "=/dev/stderr", "=/dev/stderr\nstderr_logfile_maxbytes=0")
	}
	return conf
}

// talks lets a program that logs to the daemon's stdout speak, and checks what
// comes out.
func (s *sup) talks(output func() string) {
	s.t.Helper()
	s.waitPID("p")
	s.must(0, "p: signalled", "signal", "USR1", "p")
	until(s.t, "the programs' output on the daemon's", func() (string, bool) {
		text := strings.ReplaceAll(output(), "\r\n", "\n")
		return text, inOrder(text, "ready ", "got USR1\n") && strings.Contains(text, "q-to-stdout\n") &&
			strings.Contains(text, "q-to-stderr\n") && strings.Contains(text, "INFO success: p entered RUNNING")
	})
	s.must(0, "p: stopped", "stop", "p")
	until(s.t, "the program's last words on the daemon's stdout", func() (string, bool) {
		return output(), strings.Contains(output(), "bye after TERM")
	})
}

func TestStdoutIsAPipe(t *testing.T) {
	t.Parallel()
	s := newSup(t, toStdout()).start()
	s.talks(s.out.String)
	s.terminate()
}

func TestStdoutIsATerminal(t *testing.T) {
	t.Parallel()
	s := newSup(t, toStdout())
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	s.wrap = func(cmd *exec.Cmd) {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
		cmd.SysProcAttr.Setctty = true
	}
	go func() { _, _ = io.Copy(s.out, master) }() // ends when the terminal does
	s.start()
	slave.Close()
	s.talks(s.out.String)
	s.terminate()
}

func TestStdoutIsAFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		flag int
		ours bool
	}{
		{"opened for appending", os.O_APPEND, false},
		{"not opened for appending", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.ours {
				oursOnly(t, "programs overwrite each other's output there")
			}
			conf := strings.ReplaceAll(toStdout(), "maxbytes=0", "maxbytes=1KB")
			if original {
				conf = toStdout()
			}
			s := newSup(t, conf)
			file, err := os.OpenFile(s.path("output"), os.O_WRONLY|os.O_CREATE|c.flag, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			s.wrap = func(cmd *exec.Cmd) { cmd.Stdout, cmd.Stderr = file, file }
			s.start()
			s.talks(func() string { return readFile(t, s.path("output")) })
			s.terminate()
			if _, err := os.Stat(s.path("output.1")); !os.IsNotExist(err) {
				t.Errorf("the file that stdout is was rotated: %v", err)
			}
			if text := readFile(t, s.path("output")); strings.Contains(text, "\x00") ||
				!inOrder(text, "supervisord started", "ready ", "got USR1", "bye after TERM", "received SIGTERM") {
				t.Errorf("the output is not whole:\n%q", text)
			}
		})
	}
}

func TestStdoutIsClosed(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it ends when it cannot write to its stdout")
	t.Run("from the start", func(t *testing.T) {
		t.Parallel()
		s := newSup(t, toStdout())
		s.wrap = underShell("exec <&- >&- 2>&-")
		s.start()
		pid := s.waitPID("p")
		s.must(0, "p: stopped", "stop", "p")
		s.waitLog("stopped: p")
		for fd, target := range fdTargets(pid) {
			t.Logf("descriptor %d of the program: %s", fd, target)
		}
		s.terminate()
	})
	t.Run("when its reader goes away", func(t *testing.T) {
		t.Parallel()
		s := newSup(t, toStdout())
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		s.wrap = func(cmd *exec.Cmd) { cmd.Stdout, cmd.Stderr = writer, writer }
		s.start()
		writer.Close()
		pid := s.waitPID("p")
		reader.Close()
		s.must(0, "p: signalled", "signal", "USR1", "p")
		s.must(0, "q: stopped", "stop", "q")
		s.waitLog("stopped: q")
		if got := s.waitPID("p"); got != pid {
			t.Errorf("p has pid %d, had %d", got, pid)
		}
		s.must(0, "p: stopped", "stop", "p")
		s.must(0, "p: started", "start", "p")
		s.terminate()
	})
}

func TestStdoutThatNobodyReadsHoldsNothingUp(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it blocks as a whole")
	s := newSup(t, `
[program:loud]
command=TESTPROG lines loud 100000 100
stdout_logfile=/dev/stdout
stopwaitsecs=2
[program:quiet]
command=TESTPROG signals
stdout_logfile=DIR/quiet.log
`)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	s.wrap = func(cmd *exec.Cmd) { cmd.Stdout, cmd.Stderr = writer, writer }
	s.start()
	writer.Close()
	s.waitPID("loud")
	s.waitPID("quiet")
	for range 3 {
		s.must(0, "quiet: stopped", "stop", "quiet")
		s.must(0, "quiet: started", "start", "quiet")
	}
	s.signal(15)
	if code := s.waitExit(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
}

func TestStdoutThatIsReadLateIsWhole(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it blocks as a whole")
	const lines = 20000
	s := newSup(t, fmt.Sprintf(`
[supervisord]
silent=true
[program:p]
command=TESTPROG lines p %d 60
stdout_logfile=/dev/stdout
stderr_logfile=DIR/p.err
`, lines))
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	s.wrap = func(cmd *exec.Cmd) { cmd.Stdout = writer }
	s.start()
	writer.Close()
	s.waitPID("p") // by now far more is written than a pipe holds
	go func() { _, _ = io.Copy(s.out, reader) }()
	waitFile(t, s.path("p.err"), "lines done")
	until(t, "all lines on stdout", func() (string, bool) {
		text := s.out.String()
		return tail(text), strings.Count(text, "\n") >= lines
	})
	n := 0
	for line := range strings.Lines(s.out.String()) {
		if !strings.HasPrefix(line, "p 0") {
			continue
		}
		n++
		if want := fmt.Sprintf("p %07d x", n); !strings.HasPrefix(line, want) {
			t.Fatalf("line %q, want %q", line, want)
		}
	}
	if n != lines {
		t.Errorf("%d lines, want %d", n, lines)
	}
	s.terminate()
}

func TestStdoutIsASocket(t *testing.T) {
	t.Parallel()
	oursOnly(t, "programs that log to it become FATAL")
	s := newSup(t, toStdout())
	listener, err := net.Listen("unix", s.path("out.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(s.out, conn)
	}()
	conn, err := net.Dial("unix", s.path("out.sock"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := conn.(*net.UnixConn).File()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	s.wrap = func(cmd *exec.Cmd) { cmd.Stdout, cmd.Stderr = file, file }
	s.start()
	file.Close()
	s.talks(s.out.String)
	s.terminate()
}
