package daemon

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/proc/logfile"
)

// pidfile is the file that tells others which process the daemon is. It is
// removed by the process that wrote it, as long as it says what that wrote.
type pidfile struct {
	path string
	at   string // where it was written, after links
	text string // what was; "": nothing
}

// write writes the file, whole or not at all where the directory allows that.
// It may be everybody's: what lies there is replaced and not written through,
// unless it is a link that root or we made, or no regular file.
func (p *pidfile) write(pid int) error {
	text := strconv.Itoa(pid) + "\n"
	at, plain, err := p.place()
	if err != nil {
		return err
	}
	if plain {
		err = replaceFile(at, text)
	}
	if !plain || err != nil {
		// The directory may be closed to us, and the file not.
		if inPlace := overwrite(at, text); inPlace == nil {
			err = nil
		} else if err == nil {
			err = inPlace
		}
	}
	if err == nil {
		p.at, p.text = at, text
	}
	return err
}

// place returns where to write, and whether a file can be put there.
func (p *pidfile) place() (at string, plain bool, err error) {
	at = p.path
	if _, inherited := logfile.Inherited(at); inherited {
		return at, false, nil
	}
	for range 40 { // as many as the system follows
		st, err := os.Lstat(at)
		switch {
		case err != nil:
			return at, true, nil // writing it will tell
		case st.Mode()&os.ModeSymlink == 0:
			return at, st.Mode().IsRegular(), nil
		}
		sys, ok := st.Sys().(*syscall.Stat_t)
		if !ok || sys.Uid != 0 && int(sys.Uid) != os.Geteuid() {
			return at, true, nil
		}
		to, err := os.Readlink(at)
		if err != nil {
			return "", false, err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Dir(at) + "/" + to
		}
		at = to
	}
	return "", false, fmt.Errorf("follow %q: %w", p.path, syscall.ELOOP)
}

// replaceFile puts a new file at path.
func replaceFile(path, text string) error {
	temp := fmt.Sprintf("%s.%08x", path, rand.Uint32())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp) // the error that counts is there already
	}
	return err
}

// overwrite writes to what is at path.
func overwrite(path, text string) error {
	flags := os.O_WRONLY | os.O_TRUNC | unix.O_NONBLOCK | unix.O_NOCTTY
	if _, inherited := logfile.Inherited(path); !inherited {
		flags |= unix.O_NOFOLLOW
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func (p *pidfile) remove() {
	if p.text == "" {
		return
	}
	if st, err := os.Lstat(p.at); err == nil && st.Mode().IsRegular() && st.Size() < 32 {
		now, err := os.ReadFile(p.at)
		if err == nil && strings.TrimSpace(string(now)) == strings.TrimSpace(p.text) {
			os.Remove(p.at) // somebody else may have removed it; nothing depends on it
		}
	}
	p.text = ""
}
