package serve

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
)

// TestStreamOverHTTPHasAHeartbeat is for the page, and for proxies that end
// what is silent.
func TestStreamOverHTTPHasAHeartbeat(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Heartbeat: 10 * time.Millisecond})
	resp, err := r.web().Post("http://x/ndjson", "application/x-ndjson", strings.NewReader(`{"id":1,"method":"supervisor.followLog"}`+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for blank, opened := 0, false; blank < 3 || !opened; {
		line, err := in.ReadString('\n')
		switch {
		case err != nil:
			t.Fatal(err)
		case line == "\n":
			blank++
		case line == `{"id":1,"data":""}`+"\n":
			opened, blank = true, 0
		default:
			t.Fatalf("got %q", line)
		}
	}
}
