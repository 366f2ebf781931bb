package output

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// logger is the system's logger.
type logger struct {
	conn   *net.UnixConn
	buffer []byte
}

func listen(t *testing.T, path string) *logger {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &logger{conn, make([]byte, 256<<10)}
}

// next returns the next message.
func (l *logger) next(t *testing.T) string {
	t.Helper()
	if err := l.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := l.conn.Read(l.buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(l.buffer[:n])
}

var header = regexp.MustCompile(`^<14>[A-Z][a-z]{2} [ 123][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} supervisord: `)

// wantText checks the header of the next message and the rest of it.
func (l *logger) wantText(t *testing.T, want string) {
	t.Helper()
	got := l.next(t)
	head := header.FindString(got)
	if head == "" || got[len(head):] != want {
		t.Fatalf("got %.200q, want %.200q after the header", got, want)
	}
}

// nothingMore checks that there is no other message.
func (l *logger) nothingMore(t *testing.T, s *Syslog) {
	t.Helper()
	s.Send([]byte("nothing more"))
	l.wantText(t, "nothing more")
}

func TestSyslogLines(t *testing.T) {
	long := strings.Repeat("x", syslogLine)
	for _, row := range []struct {
		name   string
		chunks []string
		want   []string
	}{
		{"a line", []string{"hello\n"}, []string{"hello"}},
		{"several lines in a chunk", []string{"a\nb\nc\n"}, []string{"a", "b", "c"}},
		{"empty lines count", []string{"\n\na\n"}, []string{"", "", "a"}},
		{"a line over chunks is one message", []string{"he", "ll", "o\nwor", "ld\n"}, []string{"hello", "world"}},
		{"the last line needs no newline", []string{"a\nb"}, []string{"a", "b"}},
		{"any bytes", []string{"\xff\x00\x1b\n"}, []string{"\xff\x00\x1b"}},
		{"a line as long as may be", []string{long + "\n"}, []string{long}},
		{"a longer line comes in parts", []string{long + long, "yy\nz\n"}, []string{long, long, "yy", "z"}},
		{"nothing", []string{""}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			l := listen(t, path)
			syslog := NewSyslog(path)
			defer syslog.Close()
			lines := syslog.Lines("web")
			for _, c := range row.chunks {
				lines.Write([]byte(c), nil)
			}
			lines.End()
			for _, want := range row.want {
				l.wantText(t, "web "+want)
			}
			l.nothingMore(t, syslog)
		})
	}
}

func TestSyslogSendsWholeLinesOfTheDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := listen(t, path)
	syslog := NewSyslog(path)
	defer syslog.Close()
	line := "2026-11-22 16:12:15,277 INFO spawned: 'x' with pid 5"
	syslog.Send([]byte(line))
	l.wantText(t, line)
}

func TestSyslogThroughAPump(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := listen(t, path)
	syslog := NewSyslog(path)
	defer syslog.Close()
	p, w := start(t, Options{Sinks: []Sink{syslog.Lines("web")}})
	say(t, w, "one\ntwo")
	drain(t, p)
	l.wantText(t, "web one")
	l.wantText(t, "web two")
}

func TestSyslogWithoutLogger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	syslog := NewSyslog(path)
	defer syslog.Close()
	syslog.Send([]byte("nobody is there"))
	if syslog.Dropped() != 1 {
		t.Fatalf("%d messages dropped", syslog.Dropped())
	}
	// It comes, goes and comes again.
	for i := range 2 {
		l := listen(t, path)
		syslog.Send([]byte("hello"))
		l.wantText(t, "hello")
		l.conn.Close()
		os.Remove(path)
		syslog.Send([]byte("nobody is there"))
		if got := syslog.Dropped(); got != int64(i+2) {
			t.Fatalf("%d messages dropped", got)
		}
	}
	// It is restarted between two messages: nothing is lost.
	l := listen(t, path)
	syslog.Send([]byte("before"))
	l.wantText(t, "before")
	l.conn.Close()
	os.Remove(path)
	l = listen(t, path)
	syslog.Send([]byte("after"))
	l.wantText(t, "after")
}

func TestSyslogBurstsArriveWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := listen(t, path)
	syslog := NewSyslog(path)
	defer syslog.Close()
	const lines = 5000 // far more than a socket queues
	go func() {
		var text strings.Builder
		for i := range lines {
			fmt.Fprintln(&text, i)
		}
		syslog.Lines("web").Write([]byte(text.String()), nil)
	}()
	for i := range lines {
		l.wantText(t, fmt.Sprintf("web %d", i))
	}
}

func TestSyslogThatTakesNothingIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := listen(t, path)
	syslog := NewSyslog(path)
	defer syslog.Close()
	text := []byte(strings.Repeat("line\n", 20000))

	ended := make(chan struct{})
	go func() { // each line would wait, but for the first having done so
		defer close(ended)
		syslog.Lines("web").Write(text, nil)
	}()
	wait(t, "a program's output has passed", ended)
	lost := syslog.Dropped()
	if lost == 0 {
		t.Fatal("the logger took all of it")
	}
	for range 20000 - lost {
		l.wantText(t, "web line")
	}
	syslog.Send([]byte("again"))
	l.wantText(t, "again")
}

func TestSyslogMessageTooLongIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := listen(t, path)
	syslog := NewSyslog(path)
	defer syslog.Close()
	syslog.Send(make([]byte, 8<<20))
	if syslog.Dropped() != 1 {
		t.Fatalf("%d messages dropped", syslog.Dropped())
	}
	l.nothingMore(t, syslog)
}
