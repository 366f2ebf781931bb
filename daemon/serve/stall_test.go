package serve

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
)

// stalled begins a request to /ndjson whose body does not go on.
func stalled(framing, lines string) string {
	head := "POST /ndjson HTTP/1.1\r\nHost: x\r\n"
	if framing == "chunked" {
		return head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(lines), lines)
	}
	return head + "Content-Length: 1000\r\n\r\n" + lines
}

// hearUntil reads lines, blank ones too, up to one that holds text.
func (k *talk) hearUntil(text string) {
	k.t.Helper()
	for {
		line, err := k.in.ReadString('\n')
		if err != nil {
			k.t.Fatalf("read: %v after %.200q", err, line)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}

func TestConnectionEndsAfterABodyThatStalls(t *testing.T) {
	const whole, half = `{"id":1,"method":"supervisor.getPID"}` + "\n", `{"id":2,`
	for _, framing := range []string{"length", "chunked"} {
		for name, lines := range map[string]string{"behind a line": whole, "within a line": whole + half, "before the first": ""} {
			if lines == "" && framing == "chunked" {
				continue // that would be the last chunk
			}
			t.Run(framing+" "+name, func(t *testing.T) {
				r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", body: 50 * time.Millisecond, Heartbeat: 10 * time.Millisecond})
				k := r.dial()
				k.say(stalled(framing, lines))
				text, err := io.ReadAll(k.in)
				if err != nil {
					t.Fatalf("the connection stays open: %v after %q", err, text)
				}
				if lines != "" && !strings.Contains(string(text), `{"id":1,"result":42}`) {
					t.Errorf("got %q", text)
				}
				eventually(t, "the place is given back", func() bool { return len(r.server.slots) == 0 })
			})
		}
	}
}

func TestStreamBehindABodyThatStallsHasAHeartbeat(t *testing.T) {
	const follow = `{"id":1,"method":"supervisor.followLog"}` + "\n"
	for _, framing := range []string{"length", "chunked"} {
		t.Run(framing, func(t *testing.T) {
			r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", body: 50 * time.Millisecond, Heartbeat: 10 * time.Millisecond})
			k := r.dial()
			k.say(stalled(framing, follow))
			k.hearUntil(`{"id":1,"data":""}`)
			for range 3 { // each beat is a chunk of one byte, and a newline is all there is in it
				k.hearUntil("1\r\n")
			}
			r.fake.pieces <- "still here\n"
			k.hearUntil(`{"id":1,"data":"still here\n"}`)
			_ = k.conn.Close()
			within(t, "opened", r.fake.follows)
			if got := within(t, "the stream of a client that has gone ends", r.fake.follows); got != "ended main" {
				t.Errorf("got %s", got)
			}
			eventually(t, "the place is given back", func() bool { return len(r.server.slots) == 0 })
		})
	}
}

func TestStreamEndsWithAClientThatGoesInMidBody(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Heartbeat: 10 * time.Millisecond})
	k := r.dial()
	k.say(stalled("length", `{"id":1,"method":"supervisor.followLog"}`+"\n"))
	k.hearUntil(`{"id":1,"data":""}`)
	_ = k.conn.Close()
	within(t, "opened", r.fake.follows)
	within(t, "the stream of a client that has gone ends", r.fake.follows)
	eventually(t, "the place is given back", func() bool { return len(r.server.slots) == 0 })
}

func TestBodyOfACallThatStallsEndsItsConnection(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", body: 50 * time.Millisecond})
	k := r.dial()
	k.say("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<methodCall>")
	text, err := io.ReadAll(k.in)
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 400 Bad Request\r\n") {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestBodyThatDripsHasNotStalled(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", body: 400 * time.Millisecond})
	const lines = `{"id":1,"method":"supervisor.getPID"}` + "\n" + `{"id":2,"method":"supervisor.getPID"}` + "\n"
	k := r.dial()
	k.say(fmt.Sprintf("POST /ndjson HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(lines)))
	drip := time.NewTicker(20 * time.Millisecond) // 1.5 seconds for all
	defer drip.Stop()
	for _, c := range lines {
		<-drip.C
		k.say(string(c))
	}
	k.hearUntil(`{"id":1,"result":42}`)
	k.hearUntil(`{"id":2,"result":42}`)
	k.say("GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n") // the connection is good for more
	k.hearUntil("HTTP/1.1 200 OK")
}
