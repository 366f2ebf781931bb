package conf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links of a path the system follows.
const maxLinks = 40

// openOwned opens a file whose content a child is going to see. As root it follows
// a symbolic link of somebody else only to what belongs to them, too: otherwise a
// user whose directory the configuration names could have their program told what
// any file of the system holds. The path is walked by hand, so that nothing can be
// exchanged in between.
func openOwned(name string) (io.ReadCloser, error) {
	f, err := openWalked(name)
	if err != nil {
		return nil, err // and no file that is nil
	}
	return f, nil
}

// readDirOwned is openOwned for the names in a directory: a few more than anybody
// is going to take.
func readDirOwned(name string) ([]string, error) {
	f, err := openWalked(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var names []string
	for len(names) <= 2*maxEnvDir {
		more, err := f.Readdirnames(maxEnvDir)
		names = append(names, more...)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

func openWalked(name string) (*os.File, error) {
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	if os.Geteuid() != 0 {
		return os.OpenFile(name, flags, 0)
	}
	w := walk{rest: []string{strings.TrimLeft(path.Clean(name), "/")}}
	fd, err := w.open(flags)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	if err := w.trust(fd); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// walk is a path that is followed step by step.
type walk struct {
	rest   []string // what is still to go, the next part last; "" for none
	links  int
	owners []uint32 // of the links that are not root's
}

// open follows the whole path and opens what it leads to.
func (w *walk) open(flags int) (int, error) {
	const search = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
	at, err := unix.Open("/", search|unix.O_DIRECTORY, 0)
	if err != nil {
		return -1, err
	}
	defer func() { unix.Close(at) }()
	for {
		part, last := w.next()
		mode := search
		if last {
			mode = flags | unix.O_NOFOLLOW
		}
		fd, err := openPart(at, part, mode)
		if last && err == nil {
			return fd, nil
		}
		if err == nil {
			var st unix.Stat_t
			if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFLNK {
				unix.Close(at)
				at = fd
				continue
			}
			unix.Close(fd)
		}
		if err != nil && err != unix.ELOOP {
			return -1, err
		}
		root, err := w.follow(at, part)
		if err != nil {
			return -1, err
		}
		if root {
			top, err := unix.Open("/", search|unix.O_DIRECTORY, 0)
			if err != nil {
				return -1, err
			}
			unix.Close(at)
			at = top
		}
	}
}

func openPart(at int, part string, mode int) (int, error) {
	for {
		fd, err := unix.Openat(at, part, mode, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// next takes the next part of the path off, and tells whether it is the last one.
func (w *walk) next() (part string, last bool) {
	for len(w.rest) > 0 {
		top := len(w.rest) - 1
		part, rest, _ := strings.Cut(w.rest[top], "/")
		if rest = strings.TrimLeft(rest, "/"); rest == "" {
			w.rest = w.rest[:top]
		} else {
			w.rest[top] = rest
		}
		if part != "" {
			return part, len(w.rest) == 0
		}
	}
	return ".", true
}

// follow puts where a link leads in front of the rest. root tells that it leads
// there from the top.
func (w *walk) follow(at int, part string) (root bool, err error) {
	if w.links++; w.links > maxLinks {
		return false, unix.ELOOP
	}
	fd, err := openPart(at, part, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, err
	}
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buffer)
	if err != nil {
		return false, err
	}
	if st.Uid != 0 {
		w.owners = append(w.owners, st.Uid)
	}
	to := string(buffer[:n])
	w.rest = append(w.rest, strings.TrimLeft(to, "/"))
	return strings.HasPrefix(to, "/"), nil
}

// errForeignLink is about a link that is not to be trusted.
var errForeignLink = errors.New("a symbolic link on the way belongs to a user whose the file is not")

// trust refuses what others than root have led to without owning it.
func (w *walk) trust(fd int) error {
	if len(w.owners) == 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	for _, owner := range w.owners {
		if owner != st.Uid {
			return fmt.Errorf("%w (link of user %d, file of user %d)", errForeignLink, owner, st.Uid)
		}
	}
	return nil
}
