package serve

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gosupervisor/conf"
)

func TestWrongLoginsAreToldAndHeldUp(t *testing.T) {
	guarded := conf.HTTPServer{Username: ptr("joe"), Password: ptr("secret")}
	const line = "wrong user name or password in a login on unix_http_server"
	ask := func(t *testing.T, r *rig, password string) int {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, "http://x/ok.html", nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			request.SetBasicAuth("joe", password)
		}
		resp, err := r.web().Do(request)
		if err != nil {
			t.Error(err)
			return 0
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	t.Run("one over HTTP", func(t *testing.T) {
		r := newRig(t, guarded, Options{Namespace: "supervisor"})
		start := time.Now()
		if status := ask(t, r, "nope"); status != http.StatusUnauthorized || time.Since(start) < loginPause {
			t.Errorf("got %d after %v", status, time.Since(start))
		}
		r.logged(line)
	})
	t.Run("many are few lines", func(t *testing.T) {
		r := newRig(t, guarded, Options{Namespace: "supervisor"})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { ask(t, r, "nope") })
		}
		all.Wait()
		k := r.dial()
		k.ask(`{"id":1,"method":"system.login","params":["joe","nope"]}`)
		told := 0
		for len(r.lines) > 0 {
			if strings.Contains(<-r.lines, line) {
				told++
			}
		}
		if told < 1 || told > 5 { // a slow machine takes some seconds
			t.Errorf("21 wrong logins were told %d times", told)
		}
	})
	t.Run("a right one is not, nor one without a password", func(t *testing.T) {
		r := newRig(t, guarded, Options{Namespace: "supervisor"})
		if status := ask(t, r, "secret"); status != http.StatusOK {
			t.Errorf("got %d", status)
		}
		if status := ask(t, r, ""); status != http.StatusUnauthorized {
			t.Errorf("got %d", status)
		}
		for len(r.lines) > 0 {
			if text := <-r.lines; strings.Contains(text, line) {
				t.Errorf("told: %s", text)
			}
		}
	})
}
