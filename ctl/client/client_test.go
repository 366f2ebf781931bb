package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
	"gosupervisor/lacking"
)

// listen serves every connection of a new unix socket with serve and returns
// the URL of the socket.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	return "unix://" + listenOn(t, "unix", filepath.Join(t.TempDir(), "s.sock"), serve)
}

// listenTCP does so on a port of this machine.
func listenTCP(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	return listenOn(t, "tcp", "127.0.0.1:0", serve)
}

func listenOn(t *testing.T, network, address string, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// answering returns a server that answers each request line with the text of
// its method, in which ID stands for the id; version checks are answered.
func answering(replies map[string]string) func(net.Conn) {
	return func(conn net.Conn) {
		in := bufio.NewScanner(conn)
		for in.Scan() {
			var r struct {
				ID     json.RawMessage
				Method string
			}
			if strings.TrimSpace(in.Text()) == "" {
				continue
			}
			if err := json.Unmarshal(in.Bytes(), &r); err != nil {
				fmt.Fprintf(conn, `{"id":null,"error":{"code":400,"name":"BAD_JSON","message":"BAD_JSON"}}`+"\n")
				continue
			}
			reply, ok := replies[r.Method]
			if !ok {
				reply = `{"id":ID,"result":"3.0"}`
			}
			fmt.Fprintln(conn, strings.ReplaceAll(reply, "ID", string(r.ID)))
		}
	}
}

func newClient(t *testing.T, url string, o Options) *Client {
	t.Helper()
	c, err := New(url, nil, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewReadsServerURLs(t *testing.T) {
	for _, row := range []struct{ url, path, host string }{
		{"unix:///tmp/s.sock", "/tmp/s.sock", ""},
		{"unix://relative.sock", "relative.sock", ""},
		{"http://localhost", "", "localhost:80"},
		{"http://localhost:9001", "", "localhost:9001"},
		{"http://localhost:9001/ignored?too", "", "localhost:9001"},
		{"http://user:secret@localhost:9001", "", "localhost:9001"},
		{"http://[::1]:9001", "", "[::1]:9001"},
		{"HTTP://localhost", "", "localhost:80"},
		{"https://localhost", "", "localhost:443"},
		{"https://localhost:9001/sup/", "", "localhost:9001"},
	} {
		c, err := New(row.url, nil, nil, Options{})
		if err != nil {
			t.Errorf("%s: %v", row.url, err)
			continue
		}
		if c.path != row.path || c.host != row.host || c.URL() != row.url {
			t.Errorf("%s: got path %q, host %q, URL %q", row.url, c.path, c.host, c.URL())
		}
	}
	for _, url := range []string{"", "foo", "ftp://localhost", "https://", "https://:9001", "unix://", "http://", "http://:9001", "unix:/x", "http://h:1:2"} {
		if _, err := New(url, nil, nil, Options{}); !errors.Is(err, ErrProtocol) {
			t.Errorf("%q: got error %v, want ErrProtocol", url, err)
		}
	}
}

func TestCallsDecodeTheirResults(t *testing.T) {
	c := newClient(t, listen(t, answering(map[string]string{
		"supervisor.getPID":               "{\"id\":ID,\"result\":17}",
		"supervisor.getAllProcessInfo":    `{"id":ID,"result":[{"name":"a","group":"g","state":20,"statename":"RUNNING","pid":5}]}`,
		"supervisor.stopAllProcesses":     `{"id":ID,"result":[{"name":"a","group":"g","status":80,"description":"OK"}]}`,
		"supervisor.readProcessStderrLog": `{"id":ID,"result":{"base64":"/wA="}}`,
		"supervisor.startProcess":         `{"id":ID,"error":{"code":10,"name":"BAD_NAME","message":"BAD_NAME: x"}}`,
		"supervisor.reloadConfig":         `{"id":ID,"result":{"added":["n"],"changed":[],"removed":["o"]}}`,
		"supervisor.shutdown":             `{"id":ID,"error":{"code":422,"name":"BAD_REQUEST","message":"BAD_REQUEST: no"}}`,
		"supervisor.getSupervisorVersion": `{"id":ID,"result":{}}`,
		"supervisor.clearAllProcessLogs":  `{"id":ID}`,
		"supervisor.getAllConfigInfo":     `{"id":77,"result":[]}`,
		"supervisor.addProcessGroup":      `garbage`,
		"supervisor.removeProcessGroup":   `{"id":ID,"error":{"code":6,"name":"SHUTDOWN_STATE","message":"SHUTDOWN_STATE"}}`,
		"supervisor.readProcessStdoutLog": `{"id":ID,"result":"text"}`,
		"supervisor.getProcessInfo":       `{"id":ID,"error":{"code":99,"name":"ODD","message":"ODD: thing"}}`,
		"supervisor.sendProcessStdin":     `{"id":ID,"error":{"code":401,"name":"UNAUTHORIZED","message":"UNAUTHORIZED"}}`,
		"supervisor.clearProcessLogs":     `{"id":ID,"result":true}`,
		"supervisor.configChanges":        `{"id":ID,"result":[{"name":"g","change":"added","whole":true,"keys":[],"members":[{"name":"a","change":"added","stop":false,"start":true,"keys":[]}]}]}`,
		"supervisor.updateGroup":          `{"id":ID,"error":{"code":30,"name":"FAILED","message":"FAILED: no","hint":"do this"}}`,
	})), Options{})
	ctx := t.Context()

	if pid, err := c.PID(ctx); pid != 17 || err != nil {
		t.Errorf("PID: got %d, %v", pid, err)
	}
	want := []api.ProcessInfo{{Name: "a", Group: "g", State: 20, StateName: "RUNNING", PID: 5}}
	if all, err := c.Processes(ctx); !reflect.DeepEqual(all, want) || err != nil {
		t.Errorf("Processes: got %v, %v", all, err)
	}
	done := []api.Status{{Name: "a", Group: "g", Status: api.Success, Description: "OK"}}
	if got, err := c.StopAll(ctx); !reflect.DeepEqual(got, done) || err != nil {
		t.Errorf("StopAll: got %v, %v", got, err)
	}
	if got, err := c.ReadProcessLog(ctx, "a", api.Stderr, -10, 0); string(got) != "\xff\x00" || err != nil {
		t.Errorf("stderr log: got %q, %v", got, err)
	}
	if got, err := c.ReadProcessLog(ctx, "a", api.Stdout, -10, 0); string(got) != "text" || err != nil {
		t.Errorf("stdout log: got %q, %v", got, err)
	}
	if got, err := c.Reread(ctx); !reflect.DeepEqual(got, api.Reread{Added: []string{"n"}, Changed: []string{}, Removed: []string{"o"}}) || err != nil {
		t.Errorf("Reread: got %v, %v", got, err)
	}
	added := []api.GroupChange{{Name: "g", Change: api.Added, Whole: true, Keys: []api.KeyChange{},
		Members: []api.MemberChange{{Name: "a", Change: api.Added, Start: true, Keys: []api.KeyChange{}}}}}
	if got, err := c.ConfigChanges(ctx); !reflect.DeepEqual(got, added) || err != nil {
		t.Errorf("ConfigChanges: got %+v, %v", got, err)
	}
	if err := c.ClearLogs(ctx, "a"); err != nil {
		t.Errorf("ClearLogs: %v", err)
	}

	var fault *api.Fault
	if err := c.Start(ctx, "x"); !errors.As(err, &fault) || fault.Code != api.BadName || fault.Detail != "x" {
		t.Errorf("Start: got %v", err)
	}
	if err := c.RemoveGroup(ctx, "x"); !errors.As(err, &fault) || fault.Code != api.ShutdownState || fault.Detail != "" {
		t.Errorf("RemoveGroup: got %v", err)
	}
	if _, err := c.UpdateGroup(ctx, "g"); !errors.As(err, &fault) || fault.Code != api.Failed || fault.Detail != "no" || fault.Hint != "do this" {
		t.Errorf("UpdateGroup: got %v", err)
	}
	if _, err := c.Process(ctx, "x"); !errors.As(err, &fault) || fault.Code != 99 || fault.Detail != "ODD: thing" {
		t.Errorf("Process: got %v", err)
	}
	for name, row := range map[string]struct{ got, want error }{
		"an error of the wire":         {c.Shutdown(ctx), ErrRejected},
		"a result of another type":     {second(c.SupervisorVersion(ctx)), ErrNotSupervisor},
		"neither result nor error":     {second(c.ClearAllLogs(ctx)), ErrNotSupervisor},
		"a reply to another request":   {second(c.Configured(ctx)), ErrNotSupervisor},
		"a reply that is no JSON":      {c.AddGroup(ctx, "x"), ErrNotSupervisor},
		"a request that needs a login": {c.SendStdin(ctx, "x", nil), ErrUnauthorized},
	} {
		if !errors.Is(row.got, row.want) {
			t.Errorf("%s: got %v, want %v", name, row.got, row.want)
		}
	}
}

func TestWhatAnOlderOriginalDoesNotTellIsNone(t *testing.T) {
	c := newClient(t, listen(t, answering(map[string]string{
		"supervisor.getAllConfigInfo": `{"id":ID,"result":[{"name":"old"},{"name":"new","autorestart":true}]}`,
	})), Options{})
	all, err := c.Configured(t.Context())
	if err != nil || len(all) != 2 || all[0].Autorestart != "none" || all[1].Autorestart != true {
		t.Errorf("got %+v, %v", all, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestRereadTakesEveryFormOfTheAnswer(t *testing.T) {
	want := api.Reread{Added: []string{"a"}, Changed: []string{"b"}, Removed: []string{"c"}}
	for _, form := range []string{
		`{"added":["a"],"changed":["b"],"removed":["c"]}`,
		`[["a"],["b"],["c"]]`,
		`[[["a"],["b"],["c"]]]`,
	} {
		var got reread
		if err := json.Unmarshal([]byte(form), &got); err != nil || !reflect.DeepEqual(api.Reread(got), want) {
			t.Errorf("%s: got %v, %v", form, got, err)
		}
	}
	for _, form := range []string{`[]`, `[["a"]]`, `[[["a"]]]`, `7`, `[[[["a"]]]]`} {
		var got reread
		if err := json.Unmarshal([]byte(form), &got); err == nil {
			t.Errorf("%s: no error, got %v", form, got)
		}
	}
}

func TestTheUnreachableIsNamed(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	l.Close()
	silent := listen(t, func(c net.Conn) { bufio.NewReader(c).ReadString(0) })
	half := listen(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		line, _ := in.ReadString('\n')
		if strings.Contains(line, versionMethod) {
			fmt.Fprintln(c, `{"id":2,"result":"3.0"}`)
			return
		}
		fmt.Fprint(c, `{"id":2,"res`)
	})
	for name, row := range map[string]struct {
		url  string
		want error
		text string
	}{
		"a socket that is not there":             {"unix://" + dir + "/none", ErrNoFile, "unix://" + dir + "/none no such file"},
		"a file that is no socket":               {"unix://" + plain, ErrRefused, "unix://" + plain + " refused connection"},
		"a port that nobody listens on":          {closed, ErrRefused, closed + " refused connection"},
		"a path below a file":                    {"unix://" + plain + "/x", ErrUnreachable, "not a directory"},
		"a path longer than a socket's":          {"unix:///" + strings.Repeat("x", 200), ErrUnreachable, "at most 107 bytes, this one has 201"},
		"a server that says nothing":             {silent, ErrTimeout, "did not answer in time: waited 50ms"},
		"a server that leaves in mid-word":       {half, ErrLost, "connection lost"},
		"a server that answers in another way":   {listen(t, func(c net.Conn) { fmt.Fprintln(c, "220 mail") }), ErrNotSupervisor, `begins with "220 mail"`},
		"a web server that knows nothing of us":  {serveHTTP(t, http.NotFoundHandler()), ErrNotSupervisor, "404 Not Found"},
		"a web server that sends us elsewhere":   {serveHTTP(t, http.RedirectHandler("http://127.0.0.1:1/", http.StatusMovedPermanently)), ErrNotSupervisor, "301 Moved"},
		"a server that answers an empty RPC":     {serveHTTP(t, rpc("")), ErrNotSupervisor, "getPID"},
		"a host that does not exist":             {"http://nohost.invalid:1", ErrUnreachable, "nohost.invalid"},
		"a server that hangs up without a word":  {listen(t, func(c net.Conn) {}), ErrLost, "connection lost"},
		"a server that answers without a result": {serveHTTP(t, rpc("<methodResponse><params></params></methodResponse>")), ErrNotSupervisor, "holds 0 values"},
	} {
		t.Run(name, func(t *testing.T) {
			patience := 50 * time.Millisecond
			if row.want != ErrTimeout {
				patience = 20 * time.Second
			}
			_, err := newClient(t, row.url, Options{Patience: patience}).PID(t.Context())
			if err == nil || row.want != nil && !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.text) {
				t.Errorf("got %v, want %v: %s", err, row.want, row.text)
			}
		})
	}
}

func serveHTTP(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// rpc is a server of the original: it answers every call with body, and does
// not know NDJSON.
func rpc(body string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /RPC2", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) })
	mux.HandleFunc("/ndjson", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "bad", 400) })
	return mux
}

func TestPermissionDeniedNamesWhoMayAndWhoWeAre(t *testing.T) {
	if os.Getuid() != 0 {
		lacking.Skip(t, "only root can become somebody else")
	}
	url := listen(t, func(net.Conn) {})
	path := strings.TrimPrefix(url, "unix://")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	open := path
	for filepath.Dir(open) != "/" {
		open = filepath.Dir(open)
		os.Chmod(open, 0o755)
	}
	errs := make(chan error)
	go func() {
		// The thread is not given back: its identity is spoilt.
		runtime.LockOSThread()
		unix.RawSyscall(unix.SYS_SETFSUID, 54321, 0, 0)
		_, err := newClient(t, url, Options{}).PID(context.Background())
		errs <- err
	}()
	err := <-errs
	var own *Error
	if !errors.As(err, &own) || own.Kind != ErrPermission || own.Error() != url+" permission denied" || len(own.Hints) != 3 ||
		own.Hints[0] != path+" is Srw-------, owner root, group root" || !strings.HasPrefix(own.Hints[1], "you are ") {
		t.Errorf("got %+v", err)
	}
	if got := account(54321); got != "uid 54321" {
		t.Errorf("an account without a name: got %q", got)
	}
	if got := group(54321); got != "gid 54321" {
		t.Errorf("a group without a name: got %q", got)
	}
	if got := parents("/a/b/c"); !reflect.DeepEqual(got, []string{"/", "/a", "/a/b"}) {
		t.Errorf("parents: got %v", got)
	}
}

func TestLoginComesBeforeTheCall(t *testing.T) {
	for name, row := range map[string]struct {
		reply string
		want  error
	}{
		"a good password": {`{"id":ID,"result":true}`, nil},
		"a wrong one":     {`{"id":ID,"error":{"code":401,"name":"UNAUTHORIZED","message":"UNAUTHORIZED: wrong"}}`, ErrUnauthorized},
	} {
		logins := make(chan string, 9)
		replies := answering(map[string]string{"system.login": row.reply})
		url := listen(t, func(c net.Conn) {
			r := &peeking{Conn: c, seen: logins}
			replies(r)
		})
		user, pass := "joe", "secret:with:colons"
		c, err := New(url, &user, &pass, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.APIVersion(t.Context()); !errors.Is(err, row.want) {
			t.Errorf("%s: got %v, want %v", name, err, row.want)
		}
		if got := <-logins; strings.Contains(got, "secret") || !strings.HasSuffix(got, "\r\n\r\n") {
			t.Errorf("%s: a server that nobody knows yet is told %q", name, got)
		}
		want := `{"id":1,"method":"system.login","params":{"password":"secret:with:colons","username":"joe"}}`
		if got := <-logins; !strings.HasPrefix(got, want+"\n") {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// peeking shows what is read from a connection.
type peeking struct {
	net.Conn
	seen chan string
}

func (p *peeking) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if n > 0 && len(p.seen) < cap(p.seen) {
		p.seen <- string(b[:n])
	}
	return n, err
}

func TestNDJSONOverHTTP(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ndjson", func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "joe" || pass != "p" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		var q struct{ Method string }
		json.NewDecoder(r.Body).Decode(&q)
		if q.Method == "supervisor.followLog" {
			fmt.Fprintln(w, `{"id":2,"data":"one"}`)
			w.(http.Flusher).Flush()
			fmt.Fprintln(w, `{"id":2,"data":{"base64":"/w=="}}`)
			fmt.Fprintln(w, `{"id":2,"result":true}`)
			return
		}
		fmt.Fprintln(w, `{"id":2,"result":"3.0"}`)
	})
	url := serveHTTP(t, mux)
	user, pass := "joe", "p"
	c, err := New(url, &user, &pass, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := c.APIVersion(t.Context()); v != "3.0" || err != nil {
		t.Errorf("version: got %q, %v", v, err)
	}
	var got []byte
	if err := c.FollowLog(t.Context(), func(p []byte) error { got = append(got, p...); return nil }); err != nil || string(got) != "one\xff" {
		t.Errorf("follow: got %q, %v", got, err)
	}
	if _, err := newClient(t, url, Options{}).PID(t.Context()); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("without a login: got %v", err)
	}
}

// newSilence is the log of a server that is spoken to in the wrong way.
func newSilence() *stdlog.Logger { return stdlog.New(io.Discard, "", 0) }
