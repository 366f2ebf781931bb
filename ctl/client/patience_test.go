package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
)

// read reads all of in, or what comes before an error.
func read(in *inbound) (string, error) {
	data, err := io.ReadAll(in)
	return string(data), err
}

// source is what a server sends: pieces, each after a while.
type source []struct {
	after time.Duration
	text  string
}

// from makes a reader of a source, which then stays open and silent until the
// test ends.
func (s source) from(t *testing.T) io.Reader {
	r, w := io.Pipe()
	go func() {
		for _, piece := range s {
			select {
			case <-time.After(piece.after):
			case <-t.Context().Done():
				return
			}
			if piece.text == "EOF" {
				w.Close()
				return
			}
			io.WriteString(w, piece.text)
		}
	}()
	t.Cleanup(func() { r.Close() })
	return r
}

func TestWhatIsOwedMustCome(t *testing.T) {
	drip := make(source, 200)
	steady := make(source, 60)
	for i := range drip {
		drip[i].after, drip[i].text = time.Second, "x"
	}
	for i := range steady {
		steady[i].after, steady[i].text = time.Second, strings.Repeat("y", slowest)
	}
	burst := source{{0, strings.Repeat("z", 1<<20)}}
	for name, row := range map[string]struct {
		source source
		late   time.Duration // 0: it all comes
	}{
		"nothing":                        {nil, 10 * time.Second},
		"an answer in time":              {source{{9 * time.Second, "a"}, {0, "EOF"}}, 0},
		"half an answer":                 {source{{5 * time.Second, "a"}}, 10 * time.Second},
		"a drip":                         {drip, 11 * time.Second},
		"a slow line that goes on":       {append(steady, source{{0, "EOF"}}...), 0},
		"much at once, and then nothing": {burst, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				late := errors.New("late")
				in := newInbound(t.Context(), row.source.from(t), &patience{limit: 10 * time.Second, late: func() error { return late }}, true)
				defer in.close()
				began := time.Now()
				_, err := read(in)
				took := time.Since(began)
				if row.late == 0 && err != nil || row.late != 0 && (!errors.Is(err, late) || took < 10*time.Second || took > row.late+time.Millisecond) {
					t.Errorf("got %v after %v", err, took)
				}
			})
		})
	}
}

// asking is a patience that counts how often it asks, and is answered or not.
func asking(limit time.Duration, late error, answered func(n int) bool) *patience {
	p := &patience{limit: limit, late: func() error { return late }, signs: make(chan error, 1)}
	n := 0
	p.ask = func() {
		if n++; answered(n) {
			p.signs <- nil
		}
	}
	return p
}

func TestWhatMayTakeItsTimeNeedsSignsOfLife(t *testing.T) {
	late := errors.New("late")
	always := func(int) bool { return true }
	for name, row := range map[string]struct {
		source   source
		answered func(int) bool
		want     error
		at       time.Duration
	}{
		"an answer after an hour":            {source{{time.Hour, "done\n"}, {0, "EOF"}}, always, nil, time.Hour},
		"no sign at all":                     {nil, func(int) bool { return false }, late, 15 * time.Second},
		"no sign any more":                   {nil, func(n int) bool { return n < 4 }, late, 30 * time.Second},
		"half a line, and signs":             {source{{time.Minute, "do"}}, always, late, 70 * time.Second},
		"lines now and then":                 {source{{time.Minute, "a\n"}, {time.Minute, "b\n"}, {time.Minute, "EOF"}}, always, nil, 3 * time.Minute},
		"a line begun, completed in time":    {source{{time.Minute, "a"}, {9 * time.Second, "b\n"}, {time.Minute, "EOF"}}, always, nil, 129 * time.Second},
		"many lines, for which nobody waits": {source{{0, strings.Repeat("x\n", 1<<19)}, {0, "EOF"}}, func(int) bool { return false }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInbound(t.Context(), row.source.from(t), asking(10*time.Second, late, row.answered), true)
				defer in.close()
				began := time.Now()
				_, err := read(in)
				if took := time.Since(began); !errors.Is(err, row.want) || took != row.at {
					t.Errorf("got %v after %v, want %v after %v", err, took, row.want, row.at)
				}
			})
		})
	}
}

func TestTimeThatTheCallerTakesIsNotTheServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := errors.New("late")
		in := newInbound(t.Context(), source{{0, "a"}, {0, "b"}, {0, "EOF"}}.from(t), &patience{limit: time.Second, late: func() error { return late }}, false)
		defer in.close()
		for {
			_, err := in.Read(make([]byte, 1))
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // a terminal that has been stopped with Ctrl-S
		}
	})
}

func TestTheEndOfTheContextEndsARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		in := newInbound(ctx, source{}.from(t), &patience{limit: time.Hour}, false)
		defer in.close()
		go func() {
			time.Sleep(time.Second)
			cancel(cause)
		}()
		if _, err := read(in); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}

// stuck is what a server does with a method: it answers, unless told otherwise.
type stuck struct {
	method string // where it gets stuck; "": at the first byte
	half   string // what it says before
	signs  int    // how many signs of life it gives before
}

// lines speaks JSON on a connection.
func (s stuck) lines(conn net.Conn) {
	in := bufio.NewScanner(conn)
	signs, waits := 0, false
	for s.method != "" && in.Scan() {
		var r struct {
			ID     json.RawMessage
			Method string
		}
		if strings.TrimSpace(in.Text()) == "" {
			continue
		}
		json.Unmarshal(in.Bytes(), &r)
		switch {
		case r.Method == s.method:
			io.WriteString(conn, s.half)
			waits = true
			continue
		case waits:
			if signs++; signs > s.signs {
				continue
			}
		}
		fmt.Fprintf(conn, `{"id":%s,"result":"3.0"}`+"\n", r.ID)
	}
	io.Copy(io.Discard, conn)
}

// web speaks JSON in HTTP, or, as the original, XML-RPC.
func (s stuck) web(xml bool) http.Handler {
	mux := http.NewServeMux()
	given := make(chan struct{}, s.signs)
	for range s.signs {
		given <- struct{}{}
	}
	began := make(chan struct{})
	stick := func(w http.ResponseWriter, r *http.Request) {
		close(began)
		if s.half != "" {
			io.WriteString(w, s.half)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
	sign := func(r *http.Request) {
		select {
		case <-began:
		default:
			return // it was not asked for one
		}
		select {
		case <-given:
		default:
			<-r.Context().Done()
		}
	}
	if xml {
		mux.Handle("/ndjson", web(http.StatusBadRequest, "", "bad"))
	} else {
		mux.Handle("GET /ndjson", web(http.StatusMethodNotAllowed, "Allow: POST", ""))
	}
	mux.HandleFunc("POST /ndjson", func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Method string }
		json.NewDecoder(r.Body).Decode(&q)
		if q.Method == s.method {
			stick(w, r)
			return
		}
		sign(r)
		fmt.Fprintln(w, `{"id":2,"result":"3.0"}`)
	})
	mux.HandleFunc("POST /RPC2", func(w http.ResponseWriter, r *http.Request) {
		call, _ := decodeCall(r.Body)
		if call.Method == s.method {
			stick(w, r)
			return
		}
		sign(r)
		answer, _ := encodeResponse("3.0")
		w.Write(answer)
	})
	mux.HandleFunc("GET /logtail/", func(w http.ResponseWriter, r *http.Request) { stick(w, r) })
	return mux
}

func TestAServerThatGetsStuckIsFoundOut(t *testing.T) {
	const limit = time.Second // which a busy machine may need to answer
	calls := map[string]func(ctx context.Context, c *Client) error{
		"supervisor.getPID":       func(ctx context.Context, c *Client) error { return second(c.PID(ctx)) },
		"supervisor.startProcess": func(ctx context.Context, c *Client) error { return c.Start(ctx, "x") },
		"supervisor.followProcessLog": func(ctx context.Context, c *Client) error {
			return c.FollowProcessLog(ctx, "x", api.Stdout, func([]byte) error { return nil })
		},
	}
	for name, s := range map[string]stuck{
		"an answer":                     {method: "supervisor.getPID"},
		"half an answer":                {method: "supervisor.getPID", half: `{"id":2,"resu`},
		"a start":                       {method: "supervisor.startProcess"},
		"a start after signs of life":   {method: "supervisor.startProcess", signs: 3},
		"a start, half of whose answer": {method: "supervisor.startProcess", half: `{"id":2,"resu`},
		"a stream":                      {method: "supervisor.followProcessLog", half: `{"id":2,"data":"x"}` + "\n"},
		"a stream after signs of life":  {method: "supervisor.followProcessLog", half: `{"id":2,"data":"x"}` + "\n", signs: 3},
	} {
		for wire, url := range map[string]string{
			"lines":  listen(t, s.lines),
			"http":   serveHTTP(t, s.web(false)),
			"xmlrpc": serveHTTP(t, s.web(true)),
		} {
			if wire == "xmlrpc" && strings.HasPrefix(s.half, `{"id":2,"resu`) {
				s.half = "<methodResp"
				url = serveHTTP(t, s.web(true))
			}
			t.Run(name+" in "+wire, func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				err := calls[s.method](t.Context(), newClient(t, url, Options{Patience: limit}))
				if !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "did not answer in time: waited 1s") {
					t.Errorf("got %v", err)
				}
				if took := time.Since(began); took < time.Duration(s.signs)*limit/2+limit {
					t.Errorf("it lost patience after %v", took)
				}
			})
		}
	}
}

func TestAServerThatSaysNothingIsFoundOut(t *testing.T) {
	silent := listenTCP(t, stuck{}.lines)
	for name, url := range map[string]string{"a socket": listen(t, stuck{}.lines), "http": "http://" + silent, "https": "https://" + silent} {
		var own *Error
		_, err := newClient(t, url, Options{Patience: 100 * time.Millisecond}).PID(t.Context())
		if !errors.As(err, &own) || own.Kind != ErrTimeout || own.Detail != "waited 100ms" || len(own.Hints) != 1 {
			t.Errorf("%s: got %+v", name, err)
		}
		hint := map[string]string{"https": "does not begin TLS", "http": "accepts connections, but", "a socket": fmt.Sprintf("pid %d, which listens there, runs", os.Getpid())}[name]
		if !strings.Contains(own.Hints[0], hint) {
			t.Errorf("%s: got the hint %q", name, own.Hints[0])
		}
	}
}

func TestASlowCallWaitsForAsLongAsThereAreSigns(t *testing.T) {
	const enough = 3
	url := listen(t, func(conn net.Conn) {
		in := bufio.NewScanner(conn)
		signs := 0
		var start json.RawMessage
		for in.Scan() {
			var r struct {
				ID     json.RawMessage
				Method string
			}
			if json.Unmarshal(in.Bytes(), &r) != nil {
				continue
			}
			if r.Method == "supervisor.startProcess" {
				start = r.ID
				continue
			}
			fmt.Fprintf(conn, `{"id":%s,"result":"3.0"}`+"\n", r.ID)
			if start == nil {
				continue
			}
			if signs++; signs == enough {
				fmt.Fprintf(conn, `{"id":%s,"result":true}`+"\n", start)
			}
		}
	})
	if err := newClient(t, url, Options{Patience: time.Second}).Start(t.Context(), "x"); err != nil {
		t.Error(err)
	}
}

func TestAFullQueueOfConnections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	first, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	var own *Error
	_, err = newClient(t, "unix://"+path, Options{Patience: 100 * time.Millisecond}).PID(t.Context())
	if !errors.As(err, &own) || own.Kind != ErrTimeout || !strings.Contains(own.Hints[0], "does not accept connections") {
		t.Fatalf("got %+v", err)
	}
	go func() {
		for {
			conn, _, err := unix.Accept(fd)
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, 4096)
				if n, _ := unix.Read(conn, buf); n > 0 {
					unix.Write(conn, []byte(`{"id":2,"result":"3.0"}`+"\n"))
				}
				unix.Close(conn)
			}()
		}
	}()
	if v, err := newClient(t, "unix://"+path, Options{}).APIVersion(t.Context()); v != "3.0" || err != nil {
		t.Errorf("when there is room again: got %q, %v", v, err)
	}
}
