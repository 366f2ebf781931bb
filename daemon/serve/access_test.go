package serve

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/daemon/socket"
	"gosupervisor/lacking"
)

func role(name string, access conf.Access, programs string) conf.Role {
	return conf.Role{Name: name, UIDs: []int{7}, Access: access, Programs: strings.Split(programs, ",")}
}

var (
	viewer   = role("viewer", conf.AccessRead, "*")
	webOps   = role("webops", conf.AccessOperate, "web*,site:app")
	webAdmin = role("webadmin", conf.AccessAdmin, "web*")
	boss     = role("boss", conf.AccessAdmin, "*")
)

// asking is what the service is asked for by somebody who plays roles.
func asking(roles ...conf.Role) context.Context {
	return context.WithValue(context.Background(), connKey{}, &firstByteConn{client: &client{roles: roles, who: "uid 7"}})
}

// recorder is a service that answers everything, and remembers what it was
// asked.
type recorder struct {
	asked []api.Request
	reply any
}

func (r *recorder) Do(_ context.Context, request api.Request) (any, error) {
	r.asked = append(r.asked, request)
	return r.reply, nil
}

func (r *recorder) Follow(_ context.Context, request api.Request, _ func(any) error) error {
	r.asked = append(r.asked, request)
	return nil
}

// guarded returns a guard with all roles, what it lets through, and its lines.
func guarded() (*guard, *recorder, *[]string) {
	inner, lines := &recorder{reply: true}, new([]string)
	log := func(_ conf.Level, text string) { *lines = append(*lines, text) }
	return &guard{inner, []conf.Role{viewer, webOps, webAdmin, boss}, log, new(meter)}, inner, lines
}

func TestWhatRolesAllow(t *testing.T) {
	start := api.StartProcess{Name: "web:web_00", Wait: true}
	for _, tt := range []struct {
		name    string
		roles   []conf.Role
		request api.Request
		want    string // the detail of the fault; "": it is allowed
	}{
		{"a viewer looks", []conf.Role{viewer}, api.GetProcessInfo{Name: "db"}, ""},
		{"a viewer reads the log", []conf.Role{viewer}, api.ReadLog{}, ""},
		{"a viewer asks for the version", []conf.Role{viewer}, api.GetSupervisorVersion{}, ""},
		{"a viewer starts", []conf.Role{viewer}, start, "startProcess 'web:web_00' takes operate access to 'web:web_00'; uid 7 has role viewer; roles webops, webadmin, boss would do"},
		{"a viewer ends everything", []conf.Role{viewer}, api.Shutdown{}, "shutdown takes admin access to every process; uid 7 has role viewer; role boss would do"},
		{"nobody looks", nil, api.GetState{}, "getState takes read access; uid 7 is in no role; roles viewer, webops, webadmin, boss would do"},
		{"an operator starts", []conf.Role{webOps}, start, ""},
		{"an operator starts a group", []conf.Role{webOps}, api.StartProcess{Name: "web:*"}, ""},
		{"an operator starts a group by its name", []conf.Role{webOps}, api.StartProcessGroup{Name: "web"}, ""},
		{"an operator starts one of a group", []conf.Role{webOps}, api.StartProcess{Name: "site:app"}, ""},
		{"an operator starts the other of that", []conf.Role{webOps}, api.StartProcess{Name: "site:db"}, "startProcess 'site:db' takes operate access to 'site:db'; uid 7 has role webops; role boss would do"},
		{"an operator starts all of that", []conf.Role{webOps}, api.StartProcess{Name: "site:*"}, "startProcess 'site:*' takes operate access to 'site:*'; uid 7 has role webops; role boss would do"},
		{"an operator starts all of that in other words", []conf.Role{webOps}, api.StartProcess{Name: "site:"}, "startProcess 'site:' takes operate access to 'site:'; uid 7 has role webops; role boss would do"},
		{"an operator stops everything", []conf.Role{webOps}, api.StopAllProcesses{}, "stopAllProcesses takes operate access to every process; uid 7 has role webops; role boss would do"},
		{"an operator reads the log of all", []conf.Role{webOps}, api.ReadLog{}, "readLog takes read access to every process; uid 7 has role webops; roles viewer, boss would do"},
		{"an operator who is a viewer too reads it", []conf.Role{webOps, viewer}, api.ReadLog{}, ""},
		{"an operator reads what is no name", []conf.Role{webOps}, api.GetProcessInfo{Name: "\x1b[31mdb"}, `getProcessInfo '\x1b[31mdb' takes read access to '\x1b[31mdb'; uid 7 has role webops; roles viewer, boss would do`},
		{"an operator updates", []conf.Role{webOps}, api.UpdateGroup{Name: "web"}, "updateGroup 'web' takes admin access to 'web'; uid 7 has role webops; roles webadmin, boss would do"},
		{"an admin of some updates them", []conf.Role{webAdmin}, api.UpdateGroup{Name: "web"}, ""},
		{"an admin of some updates others", []conf.Role{webAdmin}, api.UpdateGroup{Name: "db"}, "updateGroup 'db' takes admin access to 'db'; uid 7 has role webadmin; role boss would do"},
		{"an admin of some rereads for all", []conf.Role{webAdmin}, api.ReloadConfig{}, "reloadConfig takes admin access to every process; uid 7 has role webadmin; role boss would do"},
		{"an admin of all ends everything", []conf.Role{boss}, api.Shutdown{}, ""},
		{"one waits for what several roles cover", []conf.Role{webOps, role("db", conf.AccessRead, "db")}, api.WaitProcess{Names: []string{"web", "db"}}, ""},
		{"one waits for more than that", []conf.Role{webOps, role("db", conf.AccessRead, "db")}, api.WaitProcess{Names: []string{"web", "db", "x"}}, "waitProcess 'web db x' takes read access to 'web db x'; uid 7 has roles webops, db; roles viewer, boss would do"},
		{"one waits for all, by that name", []conf.Role{role("r", conf.AccessRead, "all")}, api.WaitProcess{Names: []string{"all"}}, "waitProcess 'all' takes read access to every process; uid 7 has role r; roles viewer, boss would do"},
		{"one waits for all, without a name", []conf.Role{webOps}, api.WaitProcess{}, "waitProcess takes read access to every process; uid 7 has role webops; roles viewer, boss would do"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, inner, _ := guarded()
			_, err := g.Do(asking(tt.roles...), tt.request)
			followed := g.Follow(asking(tt.roles...), tt.request, nil)
			if tt.want == "" {
				if err != nil || followed != nil || !reflect.DeepEqual(inner.asked, []api.Request{tt.request, tt.request}) {
					t.Errorf("got %v, %v; the service was asked %v", err, followed, inner.asked)
				}
				return
			}
			for _, err := range []error{err, followed} {
				var f *api.Fault
				if !errors.As(err, &f) || f.Code != api.Forbidden || f.Detail != tt.want {
					t.Errorf("got  %v\nwant %s", err, tt.want)
				}
			}
			if len(inner.asked) > 0 {
				t.Errorf("the service was asked %v", inner.asked)
			}
		})
	}
}

func TestRequestWithoutAClientIsRefused(t *testing.T) {
	g, inner, _ := guarded()
	if _, err := g.Do(t.Context(), api.GetState{}); err == nil || len(inner.asked) > 0 {
		t.Errorf("got %v, asked %v", err, inner.asked)
	}
}

func TestListsHoldWhatTheRoleCovers(t *testing.T) {
	g, inner, _ := guarded()
	inner.reply = []api.ProcessInfo{{Group: "db", Name: "db"}, {Group: "site", Name: "app"}, {Group: "site", Name: "db"}, {Group: "web", Name: "a"}}
	v, err := g.Do(asking(webOps), api.GetAllProcessInfo{})
	want := []api.ProcessInfo{{Group: "site", Name: "app"}, {Group: "web", Name: "a"}}
	if err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("got %+v, %v", v, err)
	}
	inner.reply = []string{"db"}
	if v, err := g.Do(asking(webOps), api.GetAllProcessInfo{}); err == nil {
		t.Errorf("a list that names nobody was shown: %v", v)
	}
	inner.reply = true
	if v, err := g.Do(asking(webOps), api.GetAllProcessInfo{}); err == nil {
		t.Errorf("what is no list was shown: %v", v)
	}
}

// TestEveryListNamesItsProcesses holds for methods to come, too.
func TestEveryListNamesItsProcesses(t *testing.T) {
	replies := map[reflect.Type]any{
		reflect.TypeOf(api.GetAllProcessInfo{}):  []api.ProcessInfo{{Group: "db"}, {Group: "web", Name: "web"}},
		reflect.TypeOf(api.GetAllConfigInfo{}):   []api.ConfigInfo{{Group: "db"}, {Group: "web", Name: "web"}},
		reflect.TypeOf(api.GetAllProcessUsage{}): []api.ProcessUsage{{Group: "db"}, {Group: "web", Name: "web"}},
	}
	for i := range api.Methods {
		m := &api.Methods[i]
		if m.Scope != api.TheVisible {
			continue
		}
		request := m.Build(make([]any, len(m.Params)))
		g, inner, _ := guarded()
		if inner.reply = replies[reflect.TypeOf(request)]; inner.reply == nil {
			t.Errorf("what %s returns is not known here", m.Name)
			continue
		}
		v, err := g.Do(asking(webOps), request)
		if err != nil || reflect.ValueOf(v).Len() != 1 {
			t.Errorf("%s: got %v, %v", m.Name, v, err)
		}
	}
}

func TestWhatActsIsTold(t *testing.T) {
	g, _, lines := guarded()
	ctx := asking(webOps)
	for _, r := range []api.Request{
		api.GetAllProcessInfo{}, api.StopProcess{Name: "web"}, api.SendProcessStdin{Name: "web:a\nb", Chars: "secret"},
		api.Shutdown{}, api.Shutdown{},
	} {
		_, _ = g.Do(ctx, r) // what comes of it is told elsewhere
	}
	want := []string{
		"uid 7 in role webops calls stopProcess 'web'",
		`uid 7 in role webops calls sendProcessStdin 'web:a\nb'`,
		"refused: shutdown takes admin access to every process; uid 7 has role webops; role boss would do",
	}
	if !reflect.DeepEqual(*lines, want) {
		t.Errorf("got  %q\nwant %q", *lines, want)
	}
}

// strangers is a set of roles that the user of this test does not play.
var strangers = []conf.Role{{Name: "ops", UIDs: []int{12345}, Access: conf.AccessAdmin, Programs: []string{"*"}}}

// playing takes everybody who comes for one who plays roles.
func playing(roles ...conf.Role) func(net.Conn, []conf.Role) *client {
	return func(net.Conn, []conf.Role) *client { return &client{roles: roles, who: "uid 7"} }
}

func TestOurOwnUserNeedsNoRole(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Roles: strangers})
	r.dial().expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	if v, err := r.rpc("supervisor.getPID"); err != nil || v != int64(42) {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestRolesHoldOnEveryWire(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Roles: []conf.Role{webOps, boss}, whois: playing(webOps)})
	k := r.dial()
	k.expect(`{"id":1,"method":"supervisor.getProcessInfo","params":["db"]}`,
		`{"id":1,"error":{"code":99,"name":"FORBIDDEN","message":"FORBIDDEN: getProcessInfo 'db' takes read access to 'db'; uid 7 has role webops; role boss would do"}}`)
	k.expect(`{"id":2,"method":"supervisor.getPID"}`, `{"id":2,"result":42}`)
	k.say(`{"id":3,"method":"supervisor.followProcessLog","params":["db"]}` + "\n")
	if e := k.hearError(); e.Code != 99 {
		t.Errorf("a stream: %+v", e)
	}
	k.expect(`{"id":4,"method":"system.multicall","params":[[{"methodName":"supervisor.getPID"},{"methodName":"supervisor.shutdown"}]]}`,
		`{"id":4,"result":[42,{"faultCode":99,"faultString":"FORBIDDEN: shutdown takes admin access to every process; uid 7 has role webops; role boss would do"}]}`)
	if v, err := r.rpc("supervisor.stopProcess", "db"); err == nil || !strings.Contains(err.Error(), "FORBIDDEN: stopProcess 'db' takes operate") {
		t.Errorf("XML-RPC: %v, %v", v, err)
	}
	for path, want := range map[string]int{"/logtail/db": 403, "/logtail/db/stderr": 403, "/mainlogtail": 403, "/ok.html": 200} {
		resp, err := r.web().Get("http://x" + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, resp.StatusCode, want)
		}
	}
	for _, method := range []string{"shutdown", "followLogs", "followEvents", "followLog", "getMetrics"} {
		resp, err := r.web().Post("http://x/ndjson", "application/json", strings.NewReader(`{"id":1,"method":"supervisor.`+method+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.HasPrefix(string(body), `{"id":1,"error":{"code":99,`) {
			t.Errorf("%s over HTTP: %s, %v", method, body, err)
		}
	}
	if len(r.fake.follows) > 0 {
		t.Errorf("a log was %s", <-r.fake.follows)
	}
}

func TestASocketWithoutAModeIsForItsOwner(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", OwnerOnly: true})
	r.dial().expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)

	r = newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", OwnerOnly: true, whois: playing()})
	k := r.dial()
	for _, method := range []string{"supervisor.getPID", "supervisor.getAllProcessInfo", "system.listMethods", "supervisor.followEvents"} {
		k.say(`{"id":1,"method":"` + method + `"}` + "\n")
		if e := k.hearError(); e.Code != 99 || !strings.Contains(e.Message, "uid 7 is neither root nor uid "+strconv.Itoa(os.Geteuid())) {
			t.Errorf("%s: %+v", method, e)
		}
	}
	for _, path := range []string{"/", "/ok.html", "/logtail/web", "/mainlogtail", "/metrics"} {
		resp, err := r.web().Get("http://x" + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: got %d", path, resp.StatusCode)
		}
	}

	r = newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", OwnerOnly: true, Roles: []conf.Role{webOps, boss}, whois: playing(webOps)})
	r.dial().expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
}

func TestWhoPlaysNoRoleGetsNothing(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Roles: strangers, whois: playing()})
	k := r.dial()
	for _, method := range []string{"supervisor.getPID", "supervisor.getAllProcessInfo", "system.listMethods"} {
		k.say(`{"id":1,"method":"` + method + `"}` + "\n")
		if e := k.hearError(); e.Code != 99 || !strings.Contains(e.Message, "uid 7 is in no role") || !strings.Contains(e.Message, "role ops") {
			t.Errorf("%s: %+v", method, e)
		}
	}
	if v, err := r.rpc("system.listMethods"); err == nil || !strings.Contains(err.Error(), "FORBIDDEN") {
		t.Errorf("XML-RPC: %v, %v", v, err)
	}
	for _, path := range []string{"/", "/ok.html", "/logtail/web", "/mainlogtail"} {
		resp, err := r.web().Get("http://x" + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: got %d", path, resp.StatusCode)
		}
	}
}

func TestWhoeverHasNoNumberIsNobody(t *testing.T) {
	const overflow = 65534
	roles := []conf.Role{{Name: "users", UIDs: []int{overflow, 7}}, {Name: "groups", GIDs: []int{overflow, 8}}}
	all, notThat := func(int) bool { return true }, func(id int) bool { return id != overflow }
	for name, row := range map[string]struct {
		peer  socket.Peer
		known func(int) bool
		want  string
	}{
		"nobody of the machine":     {socket.Peer{UID: overflow, Groups: []int{overflow}}, all, "users groups"},
		"whoever has no number":     {socket.Peer{UID: overflow, Groups: []int{overflow}}, notThat, ""},
		"whoever, in a known group": {socket.Peer{UID: overflow, Groups: []int{overflow, 8}}, notThat, "groups"},
		"a user in a lost group":    {socket.Peer{UID: 7, Groups: []int{overflow}}, notThat, "users"},
	} {
		var got []string
		for _, r := range clientFrom(row.peer, roles, row.known, row.known).roles {
			got = append(got, r.Name)
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
	us := socket.Peer{UID: os.Geteuid()}
	if !clientFrom(us, nil, all, all).trusted {
		t.Error("we are not trusted")
	}
	if nobody := func(int) bool { return false }; us.UID != 0 && clientFrom(us, nil, nobody, nobody).trusted {
		t.Error("whoever has our number is trusted, though anybody may have it")
	}
}

// TestMain is the test, or a program that asks a server and prints what it answers.
func TestMain(m *testing.M) {
	if path := os.Getenv("TEST_SERVE_ASK"); path != "" {
		conn, err := net.Dial("unix", path)
		if err == nil {
			_, _ = io.WriteString(conn, `{"id":1,"method":"supervisor.getPID"}`+"\n")
			line, _ := bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(os.Stdout, line)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestRootOfAnotherContainerIsNobody(t *testing.T) {
	for name, row := range map[string]struct {
		owner   bool
		unshare []string
		want    string
	}{
		"here, where there is no mode":      {true, nil, `{"id":1,"result":42}`},
		"elsewhere, where there is no mode": {true, []string{"unshare", "-m"}, "lives in another mount namespace"},
		"elsewhere, where there is one":     {false, []string{"unshare", "-m"}, `{"id":1,"result":42}`},
	} {
		t.Run(name, func(t *testing.T) {
			if row.unshare != nil && exec.Command("unshare", "-m", "true").Run() != nil {
				lacking.Skip(t, "no mount namespace can be made")
			}
			r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", OwnerOnly: row.owner})
			args := append(row.unshare, os.Args[0])
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Env = append(os.Environ(), "TEST_SERVE_ASK="+r.path)
			out, err := cmd.Output()
			if err != nil || !strings.Contains(string(out), row.want) {
				t.Errorf("got %s, %v", out, err)
			}
		})
	}
}
