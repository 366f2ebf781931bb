package conf

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// Host is all that reading a configuration asks of the machine. A nil field
// means the real machine, so that &Host{} (and a nil *Host) is this machine and
// a test replaces exactly what it wants to be different.
type Host struct {
	// Container asks for the container profile; see ContainerNote.
	Container bool

	Environ  []string // KEY=VALUE; nil: the environment of this process
	Getuid   func() int
	Getwd    func() (string, error)
	Hostname func() (string, error)
	TempDir  func() string

	Open    func(path string) (io.ReadCloser, error)
	Exists  func(path string) bool // follows symbolic links
	IsDir   func(path string) bool
	ReadDir func(path string) ([]string, error) // names, in any order

	// Executable says whether we could run a file; only the check asks.
	Executable func(path string) bool

	UserByName  func(name string) (User, bool)
	UserByID    func(uid int) (User, bool)
	GroupByName func(name string) (gid int, found bool)
	GroupByID   func(gid int) bool
	GroupsOf    func(name string) []int // groups that list the user as a member
	HasUsers    func() bool             // false: the machine has no user database at all

	// Getent asks the C library's databases by its tool, as in getent passwd NAME, for
	// supplementary_from=getent. The error is that it could not be asked. nil: it cannot.
	Getent func(args ...string) (output string, status int, err error)

	// Plugin says whether a "module:name" text of rpcinterface_factory= or
	// result_handler= can be had. The default knows the built-in ones.
	Plugin func(spec string) bool

	entriesOnly bool // numbers of users and groups count where somebody has them
	asksGetent  bool // see useGetent
}

// User is an entry of the machine's user database.
type User struct {
	Name string
	UID  int
	GID  int
	Home string

	Shell string
}

// StdoutCommand is the command of the listener that goes with StdoutHandler. It is
// built in where no program of that name is found.
const StdoutCommand = "supervisor_stdout"

// IsStdoutCommand tells whether a word of a configuration stands for that command: its
// name, or the path at which it is installed elsewhere.
func IsStdoutCommand(word string) bool {
	return word == StdoutCommand || strings.HasPrefix(word, "/") && path.Base(word) == StdoutCommand
}

// The plugin specs that stand for something this program does itself.
const (
	MainRPCInterface = "supervisor.rpcinterface:make_main_rpcinterface"
	DefaultHandler   = "supervisor.dispatchers:default_handler"
	StdoutHandler    = "supervisor_stdout:event_handler"
)

// whole returns a copy of h in which every field is set. The copy reads the
// user database at most once, so it is meant for one reading of one
// configuration.
func (h *Host) whole() *Host {
	var w Host
	if h != nil {
		w = *h
	}
	if w.Environ == nil {
		w.Environ = os.Environ()
	}
	orElse(&w.Getuid, os.Getuid)
	orElse(&w.Getwd, os.Getwd)
	orElse(&w.Hostname, os.Hostname)
	orElse(&w.Open, openFile)
	orElse(&w.Exists, func(p string) bool { _, err := os.Stat(p); return err == nil })
	orElse(&w.IsDir, func(p string) bool { fi, err := os.Stat(p); return err == nil && fi.IsDir() })
	orElse(&w.ReadDir, readDirNames)
	orElse(&w.Executable, executable)
	orElse(&w.TempDir, func() string { return tempDir(&w) })
	orElse(&w.Plugin, func(spec string) bool {
		return spec == MainRPCInterface || spec == DefaultHandler || spec == StdoutHandler
	})

	db := &accounts{open: w.Open}
	orElse(&w.UserByName, db.userByName)
	orElse(&w.UserByID, db.userByID)
	orElse(&w.GroupByName, db.groupByName)
	orElse(&w.GroupByID, db.groupByID)
	orElse(&w.GroupsOf, db.groupsOf)
	orElse(&w.HasUsers, db.hasUsers)
	return &w
}

// orElse sets *f to def if it is nil.
func orElse[F func() int | func() bool | func() string | func() (string, error) |
	func(string) bool | func(int) bool | func(string) []int | func(string) (int, bool) |
	func(string) (User, bool) | func(int) (User, bool) | func(string) ([]string, error) |
	func(string) (io.ReadCloser, error)](f *F, def F) {
	if *f == nil {
		*f = def
	}
}

// getenv returns the value of a variable; of a name that stands twice the first
// counts.
func (h *Host) getenv(name string) (string, bool) {
	for _, kv := range h.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// openFile opens without waiting: a pattern may match a fifo that nobody will
// ever write to.
func openFile(p string) (io.ReadCloser, error) {
	f, err := os.OpenFile(p, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// executable is true of files with some execute bit, which even root needs.
func executable(p string) bool {
	fi, err := os.Stat(p)
	const execute = 1
	return err == nil && fi.Mode()&0o111 != 0 && syscall.Access(p, execute) == nil
}

func readDirNames(p string) ([]string, error) {
	f, err := os.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// tempDir is the first usable directory of the places in which the original
// looks for one. Where none is usable it is /tmp all the same: a configuration
// without AUTO logs never needs it.
func tempDir(h *Host) string {
	var places []string
	for _, name := range []string{"TMPDIR", "TEMP", "TMP"} {
		if v, ok := h.getenv(name); ok && v != "" {
			places = append(places, v)
		}
	}
	places = append(places, "/tmp", "/var/tmp", "/usr/tmp")
	const writeAndSearch = 2 | 1
	for _, p := range places {
		if h.IsDir(p) && syscall.Access(p, writeAndSearch) == nil {
			return h.abs(p)
		}
	}
	return "/tmp"
}

// abs returns p as an absolute path without "." and "..". Where the working
// directory is unknown (it may have been removed) it counts as the root.
func (h *Host) abs(p string) string {
	if !strings.HasPrefix(p, "/") {
		wd, err := h.Getwd()
		if err != nil {
			wd = "/"
		}
		p = wd + "/" + p
	}
	return path.Clean(p)
}

// expandUser replaces a leading ~ or ~name by that user's home directory. A name
// that is unknown stays as it is.
func (h *Host) expandUser(p string) string {
	if !strings.HasPrefix(p, "~") {
		return p
	}
	name, rest := p[1:], ""
	if i := strings.IndexByte(p, '/'); i >= 0 {
		name, rest = p[1:i], p[i:]
	}
	home, ok := "", false
	if name == "" {
		if home, ok = h.getenv("HOME"); !ok {
			var u User
			u, ok = h.UserByID(h.Getuid())
			home = u.Home
		}
	} else {
		var u User
		u, ok = h.UserByName(name)
		home = u.Home
	}
	if !ok {
		return p
	}
	if p = strings.TrimRight(home, "/") + rest; p == "" {
		return "/"
	}
	return p
}

// accounts is /etc/passwd and /etc/group, read when first asked for. The
// standard library is of no use here: without cgo it reads the same two files,
// but cannot tell a missing user from a missing database.
type accounts struct {
	open   func(string) (io.ReadCloser, error)
	read   bool
	found  bool
	users  []User
	groups []groupEntry
}

type groupEntry struct {
	name    string
	gid     int
	members []string
}

// accountFileLimit bounds what is read of either file.
const accountFileLimit = 16 << 20

func (a *accounts) load() {
	if a.read {
		return
	}
	a.read = true
	a.found = a.lines("/etc/passwd", 7, func(f []string) error {
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 != nil || err2 != nil {
			return fmt.Errorf("not a user entry: %q", f)
		}
		a.users = append(a.users, User{Name: f[0], UID: uid, GID: gid, Home: f[5], Shell: f[6]})
		return nil
	})
	a.lines("/etc/group", 4, func(f []string) error {
		gid, err := strconv.Atoi(f[2])
		if err != nil {
			return err
		}
		g := groupEntry{name: f[0], gid: gid}
		if f[3] != "" {
			g.members = strings.Split(f[3], ",")
		}
		a.groups = append(a.groups, g)
		return nil
	})
}

// lines gives every well-formed line of a colon-separated file to take and
// says whether the file is there. Lines that are not well-formed are skipped, as
// the C library does.
func (a *accounts) lines(file string, fields int, take func([]string) error) bool {
	r, err := a.open(file)
	if err != nil {
		return false
	}
	defer r.Close()
	s := bufio.NewScanner(io.LimitReader(r, accountFileLimit))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		f := strings.Split(s.Text(), ":")
		if len(f) < fields || f[0] == "" || strings.ContainsAny(f[0][:1], "#+-") {
			continue
		}
		if take(f) != nil {
			continue
		}
	}
	return true
}

func (a *accounts) hasUsers() bool { a.load(); return a.found }

func (a *accounts) userByName(name string) (User, bool) {
	a.load()
	for _, u := range a.users {
		if u.Name == name {
			return u, true
		}
	}
	return User{}, false
}

func (a *accounts) userByID(uid int) (User, bool) {
	a.load()
	for _, u := range a.users {
		if u.UID == uid {
			return u, true
		}
	}
	return User{}, false
}

func (a *accounts) groupByName(name string) (int, bool) {
	a.load()
	for _, g := range a.groups {
		if g.name == name {
			return g.gid, true
		}
	}
	return 0, false
}

func (a *accounts) groupByID(gid int) bool {
	a.load()
	for _, g := range a.groups {
		if g.gid == gid {
			return true
		}
	}
	return false
}

func (a *accounts) groupsOf(name string) []int {
	a.load()
	var gids []int
	for _, g := range a.groups {
		for _, m := range g.members {
			if m == name {
				gids = append(gids, g.gid)
			}
		}
	}
	return gids
}
