package conf

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

var tcpSocket = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^tcp://([^\s:]+):(\d+)$`) })

// fcgi makes the group of an [fcgi-program:x] that is in no other.
func (l *loader) fcgi(section string) {
	s := l.scope(section, l.base)
	g := l.single(section, KindFCGI)
	if g == nil {
		return
	}
	socket := l.socket(s, g.Name)
	g.Programs = l.programs(section, g.Name)
	for _, p := range g.Programs {
		p.Socket = socket
	}
}

// memberSocket gives the processes of an fcgi program inside a [group:x] their
// socket. The original forgets it there, so a socket that is missing or wrong is
// no reason to refuse the configuration: it is said, and they run without one.
func (l *loader) memberSocket(section, member string, programs []*Program) {
	kept := l.report
	l.report = report{limit: maxProblems}
	s := l.scope(section, l.base)
	socket := l.socket(s, trim(member))
	failed := l.report
	l.report = kept
	if failed.problems != nil {
		l.note(Warn, "For [%s], the program has no socket: %s", section, failed.first)
		s.warn("socket", s.option("socket"), "the program has no socket: "+failed.first, "")
		return
	}
	for _, p := range programs {
		p.Socket = socket
	}
}

// socket reads the keys of the socket that the processes share.
func (l *loader) socket(s *scope, program string) *Socket {
	section := s.sec.name
	user := read(s, "user", nil, l.account)
	sock := &Socket{Mode: 0o700}
	sock.Backlog = read(s, "socket_backlog", 0, func(v string) (int, error) {
		n, err := ParseInt(v)
		if err == nil && (n < 1 || n > 65535) {
			err = textf(msgBacklog, v)
		}
		return n, err
	})
	sock.Owner = read(s, "socket_owner", nil, func(v string) (*[2]int, error) {
		o, err := parseOwner(v, l.host)
		if err != nil {
			return nil, textf(msgSocketOwner, v)
		}
		return &o, nil
	})
	mode := read(s, "socket_mode", -1, func(v string) (int, error) {
		n, err := ParseOctal(v)
		if err != nil {
			return 0, textf(msgSocketMode, v)
		}
		return n & 0o7777, nil
	})
	if mode >= 0 {
		sock.Mode = uint32(mode)
	}

	value, opt, _, err := s.in(s.names.with(texts("program_name", program))).text("socket")
	port, valid := sock.parseURL(value, l.host)
	switch {
	case err != nil:
	case value == "":
		s.missing("socket", textf(msgNoSocket, section))
	case !valid:
		s.fail("socket", opt, socketError(value, section), "write unix:///absolute/path or tcp://host:port")
	case sock.Family == TCP:
		if sock.Port, err = parsePort(port); err != nil {
			s.fail("socket", opt, textf(msgInSocket, err, section), "")
		} else if sock.Owner != nil || mode >= 0 {
			s.fail("socket", opt, textf(msgSocketOwned, section), "")
		}
		sock.URL = fmt.Sprintf("tcp://%s:%d", sock.Host, sock.Port)
	case sock.Owner == nil && user != nil && user.UID != l.host.Getuid():
		sock.Owner = &[2]int{user.UID, user.GID}
	}
	return sock
}

// parseURL takes a socket address apart. The port of a tcp one comes back as it
// is written.
func (k *Socket) parseURL(value string, h *Host) (port string, valid bool) {
	if p, ok := strings.CutPrefix(value, "unix://"); ok {
		p = h.expandUser(p)
		if !strings.HasPrefix(p, "/") {
			return "", false
		}
		k.Family, k.Path = Unix, h.abs(p)
		k.URL = "unix://" + k.Path
		return "", true
	}
	m := tcpSocket().FindStringSubmatch(value)
	if m == nil {
		return "", false
	}
	k.Family, k.Host = TCP, strings.ToLower(m[1])
	return m[2], true
}

func socketError(value, section string) error {
	if p, ok := strings.CutPrefix(value, "unix://"); ok {
		return textf(msgSocketPath, p, section)
	}
	return textf(msgSocketFormat, value, section)
}
