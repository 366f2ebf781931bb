package logfile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Inherited tells whether path means a descriptor that the daemon was started
// with - /dev/stdout, /dev/stderr, /dev/fd/N, /proc/self/fd/N or a symbolic
// link to one of them - and which. Such a path is not to be opened: that would
// make a new open file with an offset of its own, and fails on a socket or
// another user's pipe.
func Inherited(path string) (fd int, ok bool) {
	for range 16 { // a link may lead to a link, but not in circles for ever
		path = filepath.Clean(path)
		switch path {
		case "/dev/stdin":
			return 0, true
		case "/dev/stdout":
			return 1, true
		case "/dev/stderr":
			return 2, true
		}
		for _, dir := range []string{"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"} {
			number, found := strings.CutPrefix(path, dir)
			if !found {
				continue
			}
			n, err := strconv.ParseUint(number, 10, 31)
			return int(n), err == nil
		}
		to, err := os.Readlink(path)
		if err != nil {
			return 0, false
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return 0, false
}
