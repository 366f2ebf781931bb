package client

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"
)

// counted counts the connections of a server.
func counted(n *atomic.Int32, serve func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		n.Add(1)
		serve(conn)
	}
}

func TestACommandAsksOnOneConnection(t *testing.T) {
	replies := map[string]string{
		"supervisor.getPID":          `{"id":ID,"result":7}`,
		"supervisor.addProcessGroup": `{"id":ID,"error":{"code":10,"message":"BAD_NAME: x"}}`,
		"supervisor.startProcess":    `{"id":ID,"result":true}`,
	}
	for name, row := range map[string]struct {
		between func(*Client)
		want    int32
	}{
		"one after another": {func(*Client) {}, 3}, // what acts has its own
		"it rests":          {(*Client).Rest, 4},
	} {
		var conns atomic.Int32
		c := newClient(t, listen(t, counted(&conns, answering(replies))), Options{})
		if version, err := c.APIVersion(t.Context()); version != "3.0" || err != nil {
			t.Errorf("%s: the meeting said %q, %v", name, version, err)
		}
		row.between(c)
		if pid, err := c.PID(t.Context()); pid != 7 || err != nil {
			t.Errorf("%s: got %d, %v", name, pid, err)
		}
		row.between(c)
		if err := c.AddGroup(t.Context(), "x"); !isFault(err) {
			t.Errorf("%s: got %v, want a fault", name, err)
		}
		row.between(c)
		if err := c.Start(t.Context(), "x"); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		if got := conns.Load(); got != row.want {
			t.Errorf("%s: %d connections, want %d", name, got, row.want)
		}
	}
}

// A server that hangs up right after an answer, so that we cannot know yet when we ask the next
// thing, is asked again, and told to do something once.
func TestAServerThatHangsUpAfterEachAnswer(t *testing.T) {
	var starts, questions atomic.Int32
	c := newClient(t, listen(t, func(conn net.Conn) {
		defer conn.Close()
		near, far := net.Pipe()
		go answering(map[string]string{"supervisor.getPID": `{"id":ID,"result":7}`, "supervisor.startProcess": `{"id":ID,"result":true}`})(far)
		defer near.Close()
		line := make([]byte, 1<<10)
		n, err := conn.Read(line)
		if err != nil {
			return
		}
		questions.Add(1)
		if bytes.Contains(line[:n], []byte("startProcess")) {
			starts.Add(1)
		}
		near.Write(line[:n])
		n, _ = near.Read(line)
		conn.Write(line[:n])
	}), Options{})
	const rounds = 200
	for range rounds {
		if _, err := c.APIVersion(t.Context()); err != nil {
			t.Fatal(err)
		}
		if pid, err := c.PID(t.Context()); pid != 7 || err != nil {
			t.Fatalf("got %d, %v", pid, err)
		}
		if err := c.Start(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if got := starts.Load(); got != rounds {
		t.Errorf("%d starts were sent, want %d", got, rounds)
	}
}

func isFault(err error) bool { return err != nil && completed(err) }

// A server that has hung up since the last answer, or has said more than that, is asked on a
// new connection.
func TestAConnectionThatIsNotQuietIsLeft(t *testing.T) {
	for name, last := range map[string]string{"it hung up": "", "it said more": "{}\n"} {
		var conns atomic.Int32
		answered, ended := make(chan bool), make(chan bool)
		c := newClient(t, listen(t, counted(&conns, func(conn net.Conn) {
			near, far := net.Pipe()
			go answering(nil)(far)
			line := make([]byte, 1<<10)
			n, _ := conn.Read(line)
			near.Write(line[:n])
			n, _ = near.Read(line)
			near.Close()
			conn.Write(line[:n])
			<-answered // what comes now is none of the answer
			conn.Write([]byte(last))
			if last == "" {
				conn.Close()
			}
			ended <- true
			conn.Read(line)
		})), Options{})
		for range 3 {
			if version, err := c.APIVersion(t.Context()); version != "3.0" || err != nil {
				t.Fatalf("%s: got %q, %v", name, version, err)
			}
			answered <- true
			<-ended
		}
		if got := conns.Load(); got != 3 {
			t.Errorf("%s: %d connections, want 3", name, got)
		}
	}
}
