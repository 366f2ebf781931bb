package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// call is a client's connection: it asks for the state of a program and reads the answer.
type call func() error

// lines speaks newline-delimited JSON.
func lines(sock, name string) (call, io.Closer, error) {
	conn, err := net.Dial("unix", sock)
	if err != nil {
		return nil, nil, err
	}
	request := fmt.Appendf(nil, `{"id":1,"method":"supervisor.getProcessInfo","params":{"name":%q}}`+"\n", name)
	in := bufio.NewReaderSize(conn, 8192)
	want := fmt.Appendf(nil, `"name":%q`, name)
	return func() error {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		reply, err := in.ReadSlice('\n')
		if err == nil && !bytes.Contains(reply, want) {
			err = fmt.Errorf("answered %.200q", reply)
		}
		return err
	}, conn, nil
}

// xmlrpc speaks XML-RPC over HTTP, on one connection for as long as the server keeps it.
func xmlrpc(sock, method, name string) (call, io.Closer, error) {
	params := ""
	if name != "" {
		params = "<param><value><string>" + name + "</string></value></param>"
	}
	body := "<?xml version='1.0'?><methodCall><methodName>" + method + "</methodName><params>" + params + "</params></methodCall>"
	request := fmt.Appendf(nil, "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	c := &redial{sock: sock}
	return func() error {
		if c.conn == nil {
			conn, err := net.Dial("unix", sock)
			if err != nil {
				return err
			}
			c.conn, c.in = conn, bufio.NewReader(conn)
		}
		if _, err := c.conn.Write(request); err != nil {
			return err
		}
		reply, err := http.ReadResponse(c.in, nil)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err == nil && (reply.StatusCode != 200 || !bytes.Contains(text, []byte("RUNNING"))) {
			err = fmt.Errorf("answered %d: %.200q", reply.StatusCode, text)
		}
		if reply.Close {
			c.Close()
		}
		return err
	}, c, nil
}

type redial struct {
	sock string
	conn net.Conn
	in   *bufio.Reader
}

func (c *redial) Close() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// hammer has clients call for a while; it returns calls a second and the 99th
// percentile of how long one took, in milliseconds.
func hammer(clients int, span time.Duration, dial func() (call, io.Closer, error)) (rate, p99 float64, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var all []int64
	began := mono()
	for range clients {
		do, c, e := dial()
		if e != nil {
			err = e
			break
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer c.Close()
			var took []int64
			var e error
			for from := mono(); e == nil && from < began+span.Nanoseconds(); {
				e = do()
				to := mono()
				took = append(took, to-from)
				from = to
			}
			mu.Lock()
			defer mu.Unlock()
			all, err = append(all, took...), errors.Join(err, e)
		}()
	}
	wg.Wait()
	if err != nil {
		return 0, 0, err
	}
	seconds := float64(mono()-began) / 1e9
	slices.Sort(all)
	return float64(len(all)) / seconds, ms(all[len(all)*99/100]), nil
}

// requestsRow measures control requests with n programs: lines of JSON, which is ours alone.
func requestsRow(n, clients int) func(*bench, *row) error {
	return func(b *bench, r *row) error {
		run, _, err := b.up(b.peer(ours), n, 0, "")
		if err != nil {
			return err
		}
		if err := run.ready(n); err != nil {
			return err
		}
		for range b.rounds {
			rate, p99, err := hammer(clients, time.Second, func() (call, io.Closer, error) {
				return lines(run.sock, fmt.Sprintf("p%05d", n-1))
			})
			if err != nil {
				return err
			}
			r.add(ours, rate)
			r.also("99th percentile, ms", ours, p99)
		}
		return nil
	}
}

// xmlrpcRow measures the protocol that both speak.
func xmlrpcRow(n int, method string) func(*bench, *row) error {
	return func(b *bench, r *row) error {
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
				rate, p99, err := hammer(1, time.Second, func() (call, io.Closer, error) {
					name := ""
					if method == "supervisor.getProcessInfo" {
						name = fmt.Sprintf("p%05d", n-1)
					}
					return xmlrpc(run.sock, method, name)
				})
				if err != nil {
					return fmt.Errorf("%s: %w", run.peer.name, err)
				}
				r.add(run.peer.name, rate)
				r.also("99th percentile, ms", run.peer.name, p99)
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
