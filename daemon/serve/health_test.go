package serve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
)

// probed is a service that only answers probes.
type probed struct {
	api.Service
	answer func(ctx context.Context) (any, error)
}

func (p probed) Do(ctx context.Context, _ api.Request) (any, error) { return p.answer(ctx) }

func saying(v any, err error) func(context.Context) (any, error) {
	return func(context.Context) (any, error) { return v, err }
}

func silent(ctx context.Context) (any, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestProbes(t *testing.T) {
	up := saying(api.StateInfo{StateCode: 1, StateName: "RUNNING"}, nil)
	ending := saying(nil, api.NewFault(api.ShutdownState, ""))
	broken := saying(nil, errors.New("boom"))
	ready := saying(api.Readiness{Ready: true, Expected: 3}, nil)
	unready := saying(api.Readiness{Expected: 3, NotReady: []api.Unready{
		{Name: "web_00", Group: "web", StateName: "FATAL", Reason: `exited "x"`}, {Name: "db", Group: "db", StateName: "STARTING", Reason: "waits"}}}, nil)
	open := conf.HTTPServer{HealthWithoutAuth: true}
	const notReady = `{"ready":false,"processes":3,"not_ready":[{"name":"web:web_00","state":"FATAL","reason":"exited \"x\""},{"name":"db","state":"STARTING","reason":"waits"}]}`
	for _, tt := range []struct {
		name   string
		method string
		path   string
		conf   conf.HTTPServer
		guard  bool // the section has a password
		login  string
		answer func(context.Context) (any, error)
		status int
		body   string // "": not looked at
	}{
		{"it lives", "GET", "/livez", conf.HTTPServer{}, false, "", up, 200, `{"live":true}`},
		{"it lives, and only the status is wanted", "HEAD", "/livez", conf.HTTPServer{}, false, "", up, 200, "-"},
		{"it shuts down, and is not to be killed for that", "GET", "/livez", conf.HTTPServer{}, false, "", ending, 200, `{"live":true,"reason":"the supervisor is shutting down"}`},
		{"it does not answer", "GET", "/livez", conf.HTTPServer{}, false, "", silent, 503, `{"live":false,"reason":"the supervisor did not answer within 20ms"}`},
		{"it answers with an error", "GET", "/livez", conf.HTTPServer{}, false, "", broken, 503, `{"live":false,"reason":"boom"}`},
		{"everything is up", "GET", "/readyz", conf.HTTPServer{}, false, "", ready, 200, `{"ready":true,"processes":3}`},
		{"something is not", "GET", "/readyz", conf.HTTPServer{}, false, "", unready, 503, notReady},
		{"nothing will be", "GET", "/readyz", conf.HTTPServer{}, false, "", ending, 503, `{"ready":false,"reason":"the supervisor is shutting down"}`},
		{"nobody knows", "GET", "/readyz", conf.HTTPServer{}, false, "", silent, 503, `{"ready":false,"reason":"the supervisor did not answer within 20ms"}`},
		{"an order", "POST", "/readyz", conf.HTTPServer{}, false, "", ready, 405, ""},
		{"a password is missing", "GET", "/readyz", conf.HTTPServer{}, true, "", unready, 401, ""},
		{"a password is given", "GET", "/readyz", conf.HTTPServer{}, true, "secret", unready, 503, notReady},
		{"no password is needed", "GET", "/readyz", open, true, "", unready, 503, `{"ready":false}`},
		{"no password is needed to live", "GET", "/livez", open, true, "", ending, 200, `{"live":true}`},
		{"no password is needed, and one is given", "GET", "/readyz", open, true, "secret", unready, 503, notReady},
		{"no password is needed, and a wrong one is given", "GET", "/readyz", open, true, "wrong", unready, 503, `{"ready":false}`},
		{"no password is needed for this alone", "GET", "/ok.html", open, true, "", ready, 401, ""},
		{"no password is needed for what begins so", "GET", "/readyzz", open, true, "", ready, 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.guard {
				tt.conf.Username, tt.conf.Password = ptr("joe"), ptr("secret")
			}
			s := New(probed{answer: tt.answer}, tt.conf, newHanded(), func(conf.Level, string) {}, Options{health: 20 * time.Millisecond})
			defer s.Shutdown(t.Context())
			login := ""
			if tt.login != "" {
				login = "Authorization: " + http1.Basic("joe", tt.login) + "\r\n"
			}
			resp, got := answer(t, s, tt.method+" "+tt.path+" HTTP/1.1\r\nHost: x\r\n"+login+"\r\n")
			if resp.StatusCode != tt.status {
				t.Errorf("got %d, want %d", resp.StatusCode, tt.status)
			}
			if tt.body != "" && tt.body != "-" && got != tt.body+"\n" {
				t.Errorf("got  %swant %s", got, tt.body)
			}
			if got := resp.Header.Get("Content-Type"); tt.body != "" && got != "application/json" {
				t.Errorf("it is %s", got)
			}
		})
	}
}

func TestProbesWhereThereAreRoles(t *testing.T) {
	for name, tt := range map[string]struct {
		roles  []conf.Role
		open   bool
		status int
		body   string
	}{
		"a viewer of all":                      {[]conf.Role{viewer}, false, 200, `{"live":true,"reason":"the supervisor is shutting down"}` + "\n"},
		"an operator of some":                  {[]conf.Role{webOps}, false, 200, `{"live":true}` + "\n"},
		"nobody":                               {nil, false, 403, ""},
		"nobody, where none needs to be asked": {nil, true, 200, `{"live":true}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, conf.HTTPServer{HealthWithoutAuth: tt.open}, Options{Namespace: "supervisor", Roles: []conf.Role{boss}, whois: playing(tt.roles...)})
			r.fake.ending = true
			resp, err := r.web().Get("http://x/livez")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || resp.StatusCode == http.StatusOK && string(body) != tt.body {
				t.Errorf("got %d %s, %v; want %d %s", resp.StatusCode, body, err, tt.status, tt.body)
			}
		})
	}
}
