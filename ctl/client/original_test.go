package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/xmlrpc"
)

// original answers XML-RPC and log requests as Supervisor does.
func original(t *testing.T, results map[string]any) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /RPC2", func(w http.ResponseWriter, r *http.Request) {
		call, err := decodeCall(r.Body)
		if err != nil {
			t.Errorf("call: %v", err)
		}
		switch v := results[call.Method].(type) {
		case *xmlrpc.Fault:
			w.Write(xmlrpc.EncodeFault(v.Code, v.Text))
		case nil:
			b, _ := encodeResponse(call.Params)
			w.Write(b)
		default:
			b, _ := encodeResponse(v)
			w.Write(b)
		}
	})
	mux.HandleFunc("/logtail/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Connection") == "close" {
			t.Error("the original holds the log back when it is to close the connection")
		}
		fmt.Fprintf(w, "%s:", r.URL.Path)
		w.(http.Flusher).Flush()
		fmt.Fprint(w, "\xff\n")
	})
	mux.HandleFunc("/mainlogtail", http.NotFound)
	mux.HandleFunc("/ndjson", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "bad", http.StatusBadRequest) })
	return mux
}

// onlyHTTP passes connections on to a web server, but answers or drops those
// that do not begin like HTTP.
func onlyHTTP(t *testing.T, h http.Handler, answer string) string {
	target := strings.TrimPrefix(serveHTTP(t, h), "http://")
	return listen(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		if first, err := in.Peek(1); err != nil || first[0] == '{' {
			// The original looks at a request when its head is complete.
			for line := ""; err == nil && line != "\r\n"; {
				line, err = in.ReadString('\n')
			}
			io.WriteString(c, answer)
			return
		}
		up, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer up.Close()
		go io.Copy(up, in)
		io.Copy(c, up)
	})
}

func TestTheOriginalIsSpokenToInXMLRPC(t *testing.T) {
	results := map[string]any{
		"supervisor.getVersion":           "3.0",
		"supervisor.getPID":               17,
		"supervisor.getAllProcessInfo":    []api.ProcessInfo{{Name: "a", Group: "g", StateName: "RUNNING"}},
		"supervisor.stopAllProcesses":     []api.Status{{Name: "a", Group: "g", Status: 80, Description: "OK"}},
		"supervisor.reloadConfig":         [][][]string{{{"n"}, {}, {"o"}}},
		"supervisor.startProcess":         &xmlrpc.Fault{Code: 50, Text: "SPAWN_ERROR: x"},
		"supervisor.readProcessStdoutLog": "text\n",
	}
	h := original(t, results)
	for name, url := range map[string]string{
		"a port":                          serveHTTP(t, h),
		"a socket that answers HTTP 400":  onlyHTTP(t, h, "HTTP/1.1 400 Bad Request\r\n\r\n"),
		"a socket that drops what is odd": onlyHTTP(t, h, ""),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, c := t.Context(), newClient(t, url, Options{})
			if v, err := c.APIVersion(ctx); v != "3.0" || err != nil {
				t.Errorf("version: got %q, %v", v, err)
			}
			if pid, err := c.PID(ctx); pid != 17 || err != nil {
				t.Errorf("PID: got %d, %v", pid, err)
			}
			if all, err := c.Processes(ctx); len(all) != 1 || all[0].Namespec() != "g:a" || err != nil {
				t.Errorf("Processes: got %v, %v", all, err)
			}
			if all, err := c.StopAll(ctx); len(all) != 1 || all[0].Status != api.Success || err != nil {
				t.Errorf("StopAll: got %v, %v", all, err)
			}
			want := api.Reread{Added: []string{"n"}, Changed: []string{}, Removed: []string{"o"}}
			if got, err := c.Reread(ctx); !reflect.DeepEqual(got, want) || err != nil {
				t.Errorf("Reread: got %v, %v", got, err)
			}
			var fault *api.Fault
			if err := c.Start(ctx, "x"); !errors.As(err, &fault) || fault.Code != api.SpawnError || fault.Detail != "x" {
				t.Errorf("Start: got %v", err)
			}
			if data, err := c.ReadProcessLog(ctx, "a", api.Stdout, -5, 0); string(data) != "text\n" || err != nil {
				t.Errorf("log: got %q, %v", data, err)
			}
			var got []byte
			err := c.FollowProcessLog(ctx, "g:a b", api.Stderr, func(p []byte) error { got = append(got, p...); return nil })
			if string(got) != "/logtail/g:a b/stderr:\xff\n" || err != nil {
				t.Errorf("follow: got %q, %v", got, err)
			}
			if err := c.FollowLog(ctx, func([]byte) error { return nil }); !errors.As(err, &fault) || fault.Code != api.NoFile {
				t.Errorf("follow of nothing: got %v", err)
			}
		})
	}
}

func TestArgumentsHaveTheirPlaceInXMLRPC(t *testing.T) {
	c := newClient(t, serveHTTP(t, original(t, map[string]any{"supervisor.getVersion": "3.0"})), Options{})
	for name, row := range map[string]struct {
		method string
		args   []arg
		want   string
	}{
		"a signal":             {"supervisor.signalProcess", []arg{{"name", "a"}, {"signal", "HUP"}}, `["a","HUP"]`},
		"an offset":            {"supervisor.readLog", []arg{{"offset", int64(-5)}, {"length", int64(0)}}, `[-5,0]`},
		"an offset too far":    {"supervisor.readLog", []arg{{"offset", int64(-1) << 40}, {"length", int64(0)}}, `[-2147483648,0]`},
		"input of any bytes":   {"supervisor.sendProcessStdin", []arg{{"name", "a"}, {"chars", api.Bytes("x\n")}}, `["a","x\n"]`},
		"a call with no words": {"supervisor.getState", nil, `[]`},
	} {
		if _, err := c.detect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := c.wire.call(t.Context(), question{method: row.method, args: row.args}); string(got) != row.want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, row.want)
		}
	}
}

func TestTheEndOfItsContextEndsACall(t *testing.T) {
	begun := make(chan struct{}, 9)
	url := listen(t, func(c net.Conn) {
		in := bufio.NewScanner(c)
		for in.Scan() {
			switch {
			case strings.Contains(in.Text(), versionMethod):
				fmt.Fprintln(c, `{"id":2,"result":"3.0"}`)
			case strings.Contains(in.Text(), "follow"):
				fmt.Fprintln(c, `{"id":2,"data":"x"}`)
				begun <- struct{}{}
			case in.Text() != "":
				begun <- struct{}{}
			}
		}
	})
	for name, call := range map[string]func(context.Context, *Client) error{
		"a call that waits": func(ctx context.Context, c *Client) error { return c.Stop(ctx, "x") },
		"a stream": func(ctx context.Context, c *Client) error {
			return c.FollowLog(ctx, func([]byte) error { return nil })
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error)
		go func() { got <- call(ctx, newClient(t, url, Options{})) }()
		<-begun
		cancel()
		select {
		case err := <-got:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: still waits", name)
		}
	}
}

func TestAnEmitThatFailsEndsTheStream(t *testing.T) {
	broken := errors.New("broken pipe")
	stop := func([]byte) error { return broken }
	lines := listen(t, answering(map[string]string{"supervisor.followLog": `{"id":ID,"data":"x"}`}))
	for _, url := range []string{lines, serveHTTP(t, original(t, map[string]any{"supervisor.getVersion": "3.0"}))} {
		c := newClient(t, url, Options{})
		err := c.FollowProcessLog(t.Context(), "a", api.Stdout, stop)
		if url == lines {
			err = c.FollowLog(t.Context(), stop)
		}
		if err == nil || !strings.Contains(err.Error(), "broken pipe") {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

func FuzzReplies(f *testing.F) {
	for _, seed := range []string{
		`{"id":2,"result":"3.0"}`, `{"id":2,"data":"x"}` + "\n" + `{"id":2,"result":true}`, `{"id":2,"data":7}`,
		`{"id":null,"error":{"code":413}}`, `HTTP/1.1 400`, "", "{", `{"id":2,"error":{"code":401}}`, "\r\n\r\n",
	} {
		f.Add(seed)
	}
	c, err := New("unix:///nowhere", nil, nil, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		in := newInbound(t.Context(), strings.NewReader(answer), c.patience(), true)
		defer in.close()
		raw, err := (&lineWire{c: c}).replies(in, bufio.NewReader(in), callID, func(json.RawMessage) error { return nil })
		if (raw == nil) == (err == nil) {
			t.Errorf("%q: got %q and %v", answer, raw, err)
		}
	})
}

func FuzzMeeting(f *testing.F) {
	for _, seed := range []string{`{"id":2,"result":"3.0"}`, "HTTP/1.1 400 Bad\r\n\r\n", "220 mail\r\n", "\x15\x03\x03\x00\x02\x02F", "", "\n", `{"id":2,"error":{"code":401}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		c := newClient(t, listen(t, func(conn net.Conn) {
			io.ReadFull(conn, make([]byte, len(meetRequest)))
			io.WriteString(conn, answer)
		}), Options{})
		_, err := (&lineWire{c: c}).meet(t.Context())
		var own *Error
		var fault *api.Fault
		if err != nil && !errors.Is(err, errForeign) && !errors.As(err, &own) && !errors.As(err, &fault) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: got %v", answer, err)
		}
	})
}

// encodeResponse returns a methodResponse with one value.
func encodeResponse(v any) ([]byte, error) {
	var out bytes.Buffer
	err := xmlrpc.WriteResponse(&out, v)
	return out.Bytes(), err
}

// decodeCall reads a call as a server does.
func decodeCall(body io.Reader) (xmlrpc.Call, error) {
	in, err := io.ReadAll(io.LimitReader(body, 1<<20))
	if err != nil {
		return xmlrpc.Call{}, err
	}
	return xmlrpc.DecodeCall(in)
}
