package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// status measures the whole command.
func status(b *bench, r *row) error {
	const n = 1000
	var all []*running
	for _, name := range append(slices.Clone(servers), runit) {
		p := b.peer(name)
		if p == nil {
			continue
		}
		logs := 2
		if name == runit {
			logs = 0 // its loggers are services of their own
		}
		run, _, err := b.up(p, n, logs, "")
		if err == nil {
			err = run.ready(n)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, run)
	}
	for range b.rounds {
		for _, run := range all {
			took, _, err := run.askAll(n)
			if err != nil {
				return fmt.Errorf("%s: %w", run.peer.name, err)
			}
			r.add(run.peer.name, ms(took))
		}
	}
	return nil
}

// ask has clients of their own program ask for the state of programs for a while;
// every answer must hold want. It returns answers a second and the 99th percentile
// of how long one took, in milliseconds.
func (b *bench) ask(sock string, clients int, request, want string) (rate, p99 float64, err error) {
	cmd := exec.Command(b.control, "ask", sock, fmt.Sprint(clients), "1000", want)
	cmd.Stdin = strings.NewReader(request)
	out, err := cmd.Output()
	if err != nil {
		said := ""
		if e := (*exec.ExitError)(nil); errors.As(err, &e) {
			said = string(e.Stderr)
		}
		return 0, 0, fmt.Errorf("clients: %w: %s", err, said)
	}
	var slow float64
	if _, err := fmt.Sscan(string(out), &rate, &slow); err != nil {
		return 0, 0, fmt.Errorf("clients said %q: %w", out, err)
	}
	return rate, slow / 1e6, nil
}

// lineRequest asks in a line of JSON for one program.
func lineRequest(name string) string {
	return fmt.Sprintf(`{"id":1,"method":"supervisor.getProcessInfo","params":{"name":%q}}`+"\n", name)
}

// xmlRequest asks in XML-RPC over HTTP for one program, or for all.
func xmlRequest(method, name string) string {
	params := ""
	if name != "" {
		params = "<param><value><string>" + name + "</string></value></param>"
	}
	body := "<?xml version='1.0'?><methodCall><methodName>" + method + "</methodName><params>" + params + "</params></methodCall>"
	return fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// answers starts the limit of control requests: a server that knows one answer.
func (b *bench) answers(reply []byte) (sock string, err error) {
	dir, err := b.folder()
	if err != nil {
		return "", err
	}
	sock = dir + "/l.sock"
	cmd := exec.Command(b.control, "answer", sock)
	cmd.Stdin = bytes.NewReader(reply)
	if err := cmd.Start(); err != nil { // and the sweep ends it
		return "", err
	}
	return sock, poll("the limit's socket", time.Millisecond, func() (bool, error) {
		conn, err := net.Dial("unix", sock)
		if err == nil {
			conn.Close()
		}
		return err == nil, nil
	})
}

// once returns the answer to one request that is a line.
func once(sock, request string) ([]byte, error) {
	conn, err := net.Dial("unix", sock)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	return bufio.NewReader(conn).ReadBytes('\n')
}

// requestsRow measures control requests with n programs: lines of JSON, which is ours
// alone. The limit gives the same answer without looking.
func requestsRow(n, clients int) func(*bench, *row) error {
	return func(b *bench, r *row) error {
		run, _, err := b.up(b.peer(ours), n, 0, "")
		if err != nil {
			return err
		}
		if err := run.ready(n); err != nil {
			return err
		}
		name := fmt.Sprintf("p%05d", n-1)
		request, want := lineRequest(name), fmt.Sprintf(`"name":%q`, name)
		reply, err := once(run.sock, request)
		if err != nil {
			return err
		}
		known, err := b.answers(reply)
		if err != nil {
			return err
		}
		for range b.rounds {
			for _, s := range []struct{ name, sock string }{{ours, run.sock}, {limit, known}} {
				rate, p99, err := b.ask(s.sock, clients, request, want)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				r.add(s.name, rate)
				r.also(slowest, s.name, p99)
			}
		}
		return nil
	}
}

// xmlrpcRow measures the protocol that both speak.
func xmlrpcRow(n int, method string) func(*bench, *row) error {
	return func(b *bench, r *row) error {
		name, want := "", "RUNNING"
		if method == "supervisor.getProcessInfo" {
			name = fmt.Sprintf("p%05d", n-1)
			want = name
		}
		var all []*running
		for _, name := range servers {
			p := b.peer(name)
			if p == nil {
				continue
			}
			run, _, err := b.up(p, n, 0, "")
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := run.ready(n); err != nil {
				return err
			}
			all = append(all, run)
		}
		for range b.rounds {
			for _, run := range all {
				rate, p99, err := b.ask(run.sock, 1, xmlRequest(method, name), want)
				if err != nil {
					return fmt.Errorf("%s: %w", run.peer.name, err)
				}
				r.add(run.peer.name, rate)
				r.also(slowest, run.peer.name, p99)
			}
		}
		return nil
	}
}

// size is that of the files which are the supervisor and its control program.
func size(b *bench, r *row) error {
	for _, name := range []string{ours, s6, runit, tini, dumbInit} {
		p := b.peer(name)
		if p == nil {
			continue
		}
		seen := map[string]bool{}
		sum := int64(0)
		for _, path := range p.tools {
			path, err := filepath.EvalSymlinks(path)
			if err != nil {
				return err
			}
			st, err := os.Stat(path)
			if err != nil {
				return err
			}
			if !seen[path] {
				sum += st.Size()
			}
			seen[path] = true
		}
		r.add(name, float64(sum)/1e6)
	}
	return nil
}

// calls counts the system calls of the supervisor's own threads, by strace.
func (b *bench) calls(run *running, work func() error) (float64, error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errSkip, err)
	}
	trace := run.dir + "/trace"
	cmd := exec.Command(strace, "-f", "-e", "signal=none", "-o", trace, "-p", fmt.Sprint(run.pid))
	said := &bytes.Buffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	traced := func() (bool, error) {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", run.pid))
		if err != nil {
			return false, err
		}
		for _, task := range tasks {
			text, err := os.ReadFile(task + "/status")
			if err != nil {
				return false, err
			}
			if by, err := field(string(text), "TracerPid:"); err != nil || by == 0 {
				return false, err
			}
		}
		return true, nil
	}
	if err := poll("strace: "+said.String(), 10*time.Millisecond, traced); err != nil {
		return 0, err
	}
	time.Sleep(200 * time.Millisecond) // the calls that attaching breaks off begin anew
	before, err := os.Stat(trace)
	if err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	time.Sleep(200 * time.Millisecond) // and what follows on the last one ends
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		return 0, err
	}
	cmd.Wait() // ends by that signal
	data, err := os.ReadFile(trace)
	if err != nil {
		return 0, err
	}
	n := 0.0
	for line := range strings.Lines(string(data[before.Size():])) {
		tid, rest, _ := strings.Cut(line, " ")
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%s", run.pid, tid)); err != nil {
			continue // a child's
		}
		if rest = strings.TrimSpace(rest); rest != "" && !strings.HasPrefix(rest, "<...") && !strings.HasPrefix(rest, "+++") && !strings.HasPrefix(rest, "---") {
			n++
		}
	}
	return n, nil
}

// callsRespawn counts system calls for each crash and the start after it.
func callsRespawn(b *bench, r *row) error {
	return b.each(r, servers, func(p *peer) (float64, error) {
		const crashes = 10
		run, all, err := b.up(p, 1, 2, "")
		if err != nil {
			return 0, err
		}
		if err := run.ready(1); err != nil {
			return 0, err
		}
		n, err := b.calls(run, func() error {
			for i := range crashes {
				if err := syscall.Kill(int(all[i].pid), syscall.SIGKILL); err != nil {
					return err
				}
				var err error
				if all, err = await(run.dir+"/notes", i+2); err != nil {
					return err
				}
			}
			return nil
		})
		_, e := run.quit()
		return n / crashes, errors.Join(err, e)
	})
}
