package daemon

import (
	"os"
	"strconv"
)

// pidfile is the file that tells others which process the daemon is. It is
// removed only by the process that wrote it.
type pidfile struct {
	path    string
	written bool
}

func (p *pidfile) write(pid int) error {
	err := os.WriteFile(p.path, []byte(strconv.Itoa(pid)+"\n"), 0o666)
	p.written = err == nil
	return err
}

func (p *pidfile) remove() {
	if p.written {
		os.Remove(p.path) // somebody else may have removed it; nothing depends on it
		p.written = false
	}
}
