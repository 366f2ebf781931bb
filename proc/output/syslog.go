package output

import (
	"bytes"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// SyslogPath is where the system's logger listens.
const SyslogPath = "/dev/log"

const (
	syslogHead  = "<14>"           // facility user, severity info
	syslogIdent = " supervisord: " // no pid, as the original
	syslogLine  = 32 << 10         // longer lines are sent in parts
	syslogWait  = time.Second      // that a logger has to take a message
	syslogLook  = 50               // milliseconds until hurry is looked at
)

// Syslog sends messages to the system's logger, as datagrams. Where there is
// none, messages vanish. The connection is made again when it breaks.
type Syslog struct {
	path string

	mu      sync.Mutex
	fd      int  // -1: not connected
	stuck   bool // the logger did not take the last message in time
	dropped int64
}

// NewSyslog returns a sender to the socket at path. It does not connect yet.
func NewSyslog(path string) *Syslog {
	return &Syslog{path: path, fd: -1}
}

// Send sends one message and never waits: for the daemon's own log.
func (s *Syslog) Send(message []byte) {
	s.send(message, Urgent)
}

// send sends one message. When the logger's queue is full it waits a short
// while, which lets bursts through; a logger that takes nothing in that time
// is not waited for again until it does.
func (s *Syslog) send(message []byte, hurry <-chan struct{}) {
	packet := append([]byte(syslogHead+time.Now().Format(time.Stamp)+syslogIdent), message...)
	// The queue can fill again between waiting and sending.
	for deadline := time.Now().Add(syslogWait); ; {
		full, stuck := s.try(packet)
		if full < 0 {
			return
		}
		if stuck || hurried(hurry) {
			break
		}
		if time.Now().After(deadline) {
			s.giveUp()
			break
		}
		waitForRoom(full)
	}
	s.mu.Lock()
	s.dropped++
	s.mu.Unlock()
}

// try sends packet if that can be done at once. When it is because of a full
// queue that it cannot, it returns the descriptor to wait for, and whether
// that was in vain the last time; or else -1.
func (s *Syslog) try(packet []byte) (full int, stuck bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 2 { // the second time after the logger was restarted
		if s.fd < 0 && !s.connect() {
			break
		}
		err := unix.Sendto(s.fd, packet, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
		for err == unix.EINTR {
			err = unix.Sendto(s.fd, packet, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
		}
		switch err {
		case nil:
			s.stuck = false
			return -1, false
		case unix.EAGAIN, unix.ENOBUFS:
			return s.fd, s.stuck
		case unix.EMSGSIZE:
			s.dropped++
			return -1, false
		}
		s.disconnect()
	}
	s.dropped++
	return -1, false
}

// waitForRoom waits a little for room in the queue behind fd.
func waitForRoom(fd int) {
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, syslogLook)
}

// giveUp stops anybody from waiting until a message gets through again.
func (s *Syslog) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck = true
}

func (s *Syslog) connect() bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: s.path}); err != nil {
		unix.Close(fd)
		return false
	}
	s.fd, s.stuck = fd, false
	return true
}

func (s *Syslog) disconnect() {
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
}

// Dropped returns how many messages nobody took.
func (s *Syslog) Dropped() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Close ends the connection. A later message makes a new one.
func (s *Syslog) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disconnect()
}

// SyslogLines is the sink that sends each line of one output as a message,
// after the name of its process. A line that has not ended waits for its rest.
type SyslogLines struct {
	to   *Syslog
	name string
	part []byte // at most syslogLine bytes
}

// Lines returns a sink for one pump of the process name.
func (s *Syslog) Lines(name string) *SyslogLines {
	return &SyslogLines{to: s, name: name + " "}
}

// Write sends the lines that end in p.
func (l *SyslogLines) Write(p []byte, hurry <-chan struct{}) {
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		if room := syslogLine - len(l.part); len(line) > room {
			line, rest, ended = line[:room], p[room:], true
		}
		l.part = append(l.part, line...)
		p = rest
		if ended {
			l.send(hurry)
		}
	}
}

// send sends the line that has been put together.
func (l *SyslogLines) send(hurry <-chan struct{}) {
	l.to.send(append([]byte(l.name), l.part...), hurry)
	l.part = l.part[:0]
}

// End sends the last line if it has no newline.
func (l *SyslogLines) End() {
	if len(l.part) > 0 {
		l.send(Urgent)
	}
	l.part = nil
}
