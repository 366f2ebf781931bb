package fcgi

import (
	"os"

	"gosupervisor/conf"
)

// Sockets are the sockets that are open now. Make them with New.
type Sockets struct {
	log  func(conf.Level, string)
	open map[key]*shared
	held map[uint64]*shared // by holder
}

// key names a socket. A program that is in two groups has two equal
// configurations of one socket, and after a reread a group may run with an
// older one.
type key struct {
	section string
	url     string
}

// shared is a listening socket with those who hold it.
type shared struct {
	key     key
	holders int
	*listener
}

// New returns a Sockets without any. It writes a line to log when a socket is
// created, and when one is closed that nobody has released.
func New(log func(conf.Level, string)) *Sockets {
	return &Sockets{log: log, open: map[key]*shared{}, held: map[uint64]*shared{}}
}

// Hold returns the socket of a section for a holder, who has none yet, and
// creates it if nobody else holds it. The file is not the holder's to close.
// The error is an *Error.
func (s *Sockets) Hold(holder uint64, section string, c *conf.Socket) (*os.File, error) {
	k, err := s.acquire(section, c)
	if err != nil {
		return nil, err
	}
	s.held[holder] = k
	return k.file, nil
}

// Release gives back what a holder holds, if it holds anything. With the last
// holder the socket is closed; closed is then its URL. Whoever releases it may have more
// to tell, and logs that at its place.
func (s *Sockets) Release(holder uint64) (closed string) {
	k := s.held[holder]
	delete(s.held, holder)
	if k == nil || !s.release(k) {
		return ""
	}
	return k.key.url
}

// Try finds out whether the sockets of a group can be created, by doing so. It
// leaves those that are in use alone. The error is an *Error.
func (s *Sockets) Try(g *conf.Group) error {
	tried := map[key]bool{}
	for _, p := range g.Programs {
		if p.Socket == nil || tried[key{p.Section, p.Socket.URL}] {
			continue
		}
		tried[key{p.Section, p.Socket.URL}] = true
		k, err := s.acquire(p.Section, p.Socket)
		if err != nil {
			return err
		}
		if s.release(k) {
			s.logClosed(k.key.url)
		}
	}
	return nil
}

// Close closes what is still open, whoever holds it.
func (s *Sockets) Close() {
	for holder := range s.held {
		if url := s.Release(holder); url != "" {
			s.logClosed(url)
		}
	}
}

func (s *Sockets) logClosed(url string) { s.log(conf.Info, "Closing socket "+url) }

func (s *Sockets) acquire(section string, c *conf.Socket) (*shared, error) {
	name := key{section, c.URL}
	k := s.open[name]
	if k == nil {
		s.log(conf.Info, "Creating socket "+c.URL)
		l, err := listen(c)
		if err != nil {
			return nil, &Error{URL: c.URL, Err: err}
		}
		k = &shared{key: name, listener: l}
		s.open[name] = k
	}
	k.holders++
	return k, nil
}

// release tells whether that closed the socket.
func (s *Sockets) release(k *shared) (closed bool) {
	if k.holders--; k.holders > 0 {
		return false
	}
	delete(s.open, k.key)
	k.close()
	return true
}
