package applet

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Exit codes of the binary itself; the applets have their own.
const (
	exitFailed = 1
	exitUsage  = 2
)

// Applet is one of the programs in the binary.
type Applet struct {
	Name   string
	About  string // half a sentence for the list
	Hidden bool   // neither listed nor installed: not for people
	Alias  bool   // not installed: a link of that name would be in somebody's way
	Main   func(argv0 string, args []string) int
}

// Binary is all that the program can be.
type Binary struct {
	Applets []Applet // the first is the one whose name the file itself may bear
	Version func() string

	Stdout, Stderr io.Writer
}

// Run chooses and runs what the arguments ask for; argv[0] is the name under
// which we were called. It returns the exit status.
//
// A link's name decides alone, but the first applet's gives way to the name of
// another in the first argument: the one file of an image may well be called
// supervisord. A version is asked for by an only argument, so that pidproxy may
// still be given a file of that name.
func (b *Binary) Run(argv []string) int {
	argv0, args := "", []string(nil)
	if len(argv) > 0 {
		argv0, args = argv[0], argv[1:]
	}
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	named := b.find(filepath.Base(argv0))
	host := named == nil || named == &b.Applets[0]
	if host {
		if a := b.find(first); a != nil && a != named {
			argv0, args, named = beside(argv0, a.Name), args[1:], a
			host = false
		}
	}
	switch {
	case len(args) == 1 && args[0] == "--version":
		fmt.Fprintln(b.Stdout, b.Version())
		return 0
	case host && first == "--install":
		return b.install(args[1:])
	case named != nil:
		return named.Main(argv0, args)
	case first == "-h" || first == "--help":
		b.list(b.Stdout)
		return 0
	}
	b.list(b.Stderr)
	return exitUsage
}

// find returns the applet of that name, or nil.
func (b *Binary) find(name string) *Applet {
	for i := range b.Applets {
		if b.Applets[i].Name == name {
			return &b.Applets[i]
		}
	}
	return nil
}

// beside is what argv[0] would be if the applet had been called by a link next
// to the binary: the applet searches its configuration from there, and names
// itself so in its messages.
func beside(argv0, name string) string {
	if i := strings.LastIndexByte(argv0, '/'); i >= 0 {
		return argv0[:i+1] + name
	}
	return name
}

// list tells what there is.
func (b *Binary) list(w io.Writer) {
	fmt.Fprint(w, "Call this program by the name of an applet, or name one in the first argument:\n\n")
	for _, a := range b.Applets {
		if !a.Hidden {
			fmt.Fprintf(w, "  %-22s %s\n", a.Name, a.About)
		}
	}
	fmt.Fprint(w, "\n"+
		"  --install DIR          make links of these names in DIR\n"+
		"  --version              print the version, the commit and the Go release\n")
}
