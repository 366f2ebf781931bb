package serve

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// fake is a supervisor with one program, web. The program slow starts when
// gate is closed, and a log is what comes through pieces.
type fake struct {
	ending  bool // it shuts down; set before anybody asks
	gate    chan struct{}
	started chan string // the names of starts that wait at the gate
	pieces  chan string
	follows chan string  // "opened" and "ended", by name
	reads   atomic.Int64 // of the log of big
	batches chan api.EventBatch
	peeked  atomic.Int64 // requests that were answered at once
}

// bigLog is what the log of big holds.
var bigLog = api.Bytes(bytes.Repeat([]byte("a line of é\n"), 1<<20/13))

func newFake() *fake {
	return &fake{gate: make(chan struct{}), started: make(chan string, 1000), pieces: make(chan string), follows: make(chan string, 1000), batches: make(chan api.EventBatch)}
}

func web() api.ProcessInfo {
	return api.ProcessInfo{Name: "web", Group: "web", Start: 1767323045, Now: 1767323083, State: 20, StateName: "RUNNING",
		Logfile: "/var/log/web.log", StdoutLogfile: "/var/log/web.log", PID: 4711, Description: "pid 4711, uptime 0:00:38"}
}

// Do implements api.Service.
func (f *fake) Do(ctx context.Context, r api.Request) (any, error) {
	if f.ending {
		return nil, api.NewFault(api.ShutdownState, "")
	}
	switch r := r.(type) {
	case api.GetAPIVersion:
		return api.APIVersion, nil
	case api.GetState:
		return api.StateInfo{StateCode: 1, StateName: "RUNNING"}, nil
	case api.GetPID:
		return 42, nil
	case api.GetProcessInfo:
		if r.Name == "web" {
			return web(), nil
		}
		return nil, api.NewFault(api.BadName, r.Name)
	case api.GetAllProcessInfo:
		return []api.ProcessInfo{web()}, nil
	case api.GetAllConfigInfo:
		return []api.ConfigInfo(nil), nil
	case api.StopAllProcesses:
		return []api.Status{{Name: "web", Group: "web", Status: api.Success, Description: "OK"}}, nil
	case api.StartProcess:
		if r.Name != "slow" {
			return nil, api.NewFault(api.BadName, r.Name)
		}
		f.started <- r.Name
		select {
		case <-f.gate:
			return true, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case api.ReadProcessLog:
		if r.Name == "big" {
			f.reads.Add(1)
			return bigLog, nil
		}
		return api.Bytes("caf\xc3\x1b[0m"), nil
	case api.TailProcessLog:
		return api.TailChunk{Data: api.Bytes("end\n"), Offset: 5 << 30, Overflow: true}, nil
	case api.ReloadConfig:
		return api.Reread{Added: []string{"new"}}, nil
	case api.SendProcessStdin:
		return nil, errors.New("no such luck: " + r.Chars)
	case api.ClearLog:
		panic("boom")
	case api.GetIdentification:
		return make(chan int), nil // nothing that a wire can carry
	}
	return nil, api.NewFault(api.ShutdownState, "")
}

// Peek implements api.Peeker, for some of what Do answers.
func (f *fake) Peek(ctx context.Context, r api.Request) (any, bool, error) {
	switch r.(type) {
	case api.GetPID, api.GetState, api.GetProcessInfo, api.GetAllProcessInfo:
		if f.ending {
			return nil, false, nil
		}
		f.peeked.Add(1)
		v, err := f.Do(ctx, r)
		return v, true, err
	case api.GetReadiness:
		panic("boom")
	}
	return nil, false, nil
}

// Follow implements api.Service.
func (f *fake) Follow(ctx context.Context, r api.Request, emit func(any) error) error {
	if events, ok := r.(api.FollowEvents); ok {
		return f.followEvents(ctx, events, emit)
	}
	name := "main"
	if p, ok := r.(api.FollowProcessLog); ok {
		name = p.Name
	}
	switch name {
	case "nosuch":
		return api.NewFault(api.BadName, name)
	case "nolog":
		return api.NewFault(api.NoFile, "")
	case "ending":
		return api.NewFault(api.ShutdownState, "")
	case "broken":
		panic("boom")
	}
	f.follows <- "opened " + name
	defer func() { f.follows <- "ended " + name }()
	if name == "flood" {
		for {
			if err := emit(api.Bytes(bytes.Repeat([]byte("x"), 32<<10))); err != nil {
				return err
			}
		}
	}
	for {
		select {
		case p, ok := <-f.pieces:
			if !ok {
				return nil
			}
			var piece any = api.Bytes(p)
			if _, many := r.(api.FollowLogs); many {
				piece = api.LogPiece{Group: "web", Name: "web", Channel: api.Stderr, Data: api.Bytes(p)}
				if p == "" {
					piece = api.LogPiece{Group: "web", Name: "web", Channel: api.Stderr, Missed: 4096}
				}
			}
			if err := emit(piece); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// followEvents is Follow for events.
func (f *fake) followEvents(ctx context.Context, r api.FollowEvents, emit func(any) error) error {
	switch strings.Join(r.Types, "") {
	case "broken":
		panic("boom")
	case "nosuch":
		return api.NewFault(api.IncorrectParameters, "nosuch")
	}
	f.follows <- fmt.Sprintf("events after %d of %v for %v", r.Since, r.Types, r.Names)
	defer func() { f.follows <- "ended events" }()
	for {
		select {
		case b, ok := <-f.batches:
			if !ok {
				return nil
			}
			if err := emit(b); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// rig is a server under test.
type rig struct {
	t      *testing.T
	fake   *fake
	server *Server
	path   string
	lines  chan string // what it logged
	once   sync.Once
}

// newRig starts a server on a UNIX socket.
func newRig(t *testing.T, c conf.HTTPServer, o Options) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "serve") // the name of a test is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c.Section, c.Family, c.File = "unix_http_server", conf.Unix, filepath.Join(dir, "s.sock")
	c.Mode, c.OwnerUID, c.OwnerGID = 0o700, -1, -1
	l, err := Listen(c, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, fake: newFake(), path: c.File, lines: make(chan string, 10000)}
	log := func(level conf.Level, text string) {
		select {
		case r.lines <- fmt.Sprintf("%d %s", level, text):
		default:
		}
	}
	r.server = New(r.fake, c, l, log, o)
	served := make(chan struct{})
	go func() { r.server.Serve(); close(served) }()
	t.Cleanup(func() {
		r.shutdown(0)
		within(t, "Serve returns", served)
	})
	return r
}

func standard(t *testing.T) *rig {
	return newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor"})
}

func (r *rig) shutdown(grace time.Duration) {
	r.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		r.server.Shutdown(ctx)
	})
}

// logged waits for a line with the text.
func (r *rig) logged(text string) {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line := <-r.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-deadline:
			r.t.Fatalf("never logged: %s", text)
		}
	}
}

// within waits for a channel to give or to be closed.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("never: %s", what)
	}
	panic("unreachable")
}

// talk is a connection that speaks lines.
type talk struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (r *rig) dial() *talk {
	r.t.Helper()
	conn, err := net.Dial("unix", r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &talk{t: r.t, conn: conn, in: bufio.NewReader(conn)}
}

func (k *talk) say(text string) {
	k.t.Helper()
	if _, err := io.WriteString(k.conn, text); err != nil {
		k.t.Fatalf("write: %v", err)
	}
}

// hear returns the next line that is not blank.
func (k *talk) hear() string {
	k.t.Helper()
	for {
		line, err := k.in.ReadString('\n')
		if err != nil {
			k.t.Fatalf("read: %v after %.200q", err, line)
		}
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
}

// ask sends a line and returns the answer.
func (k *talk) ask(line string) string {
	k.t.Helper()
	k.say(line + "\n")
	return k.hear()
}

// expect asks and compares.
func (k *talk) expect(line, want string) {
	k.t.Helper()
	if got := k.ask(line); got != want {
		k.t.Errorf("%s\n got %s\nwant %s", line, got, want)
	}
}

// hearError returns the error of the next line.
func (k *talk) hearError() *ndjson.Error {
	k.t.Helper()
	r, err := ndjson.ParseReply([]byte(k.hear()))
	if err != nil || r.Error == nil {
		k.t.Fatalf("got %+v, %v instead of an error", r, err)
	}
	return r.Error
}

// ended waits until the server has closed the connection.
func (k *talk) ended() {
	k.t.Helper()
	rest, err := io.ReadAll(k.in)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		k.t.Fatal("the connection stays open")
	}
	if s := strings.TrimSpace(string(rest)); s != "" {
		k.t.Fatalf("unexpected: %.200q", s)
	}
}

// web returns a client that speaks HTTP to the socket.
func (r *rig) web() *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", r.path)
	}}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer lets a server answer a request that stands alone, and returns what
// net/http makes of it.
func answer(t *testing.T, s *Server, request string) (*http.Response, string) {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.serveWebConn(s.connection(theirs))
	}()
	_ = ours.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(ours, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(ours), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = ours.Close()
	within(t, "the connection ends", served)
	return resp, string(body)
}

func ptr(s string) *string { return &s }
