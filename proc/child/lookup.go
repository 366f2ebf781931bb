package child

import (
	"fmt"
	"strings"
	"syscall"
	"unicode"
)

// LookupKind says what is wrong with a command, in the terms of the control
// API's faults.
type LookupKind int

// The kinds of LookupError.
const (
	NoFile        LookupKind = iota // there is no such file
	NotExecutable                   // it is there, or was not named, and cannot be run
)

// LookupError says why a command cannot be run. Its text is the spawn error
// that users see, and fixed.
type LookupError struct {
	Kind LookupKind
	Text string
}

func (e *LookupError) Error() string { return e.Text }

// defaultPath is searched where no PATH is set at all.
const defaultPath = "/bin:/usr/bin:/usr/local/bin"

// xOK asks access(2) for execution.
const xOK = 1

// Resolve returns the program file for argv. The search path is the PATH in
// env (the configured environment of the program), else ownPath (our PATH, ""
// if unset), else a default. Errors are *LookupError.
func Resolve(argv []string, env map[string]string, ownPath string) (string, error) {
	if len(argv) == 0 {
		return "", &LookupError{NotExecutable, "command is empty"}
	}
	path, ok := env["PATH"]
	if !ok {
		path = ownPath
		if path == "" {
			path = defaultPath
		}
	}
	return LookPath(argv[0], path)
}

// LookPath returns the program file for a command word. With a slash in it the
// word is the file; else the first entry of that name in a directory of path
// is, whatever it is: the search does not go on past one that cannot be run.
// Errors are *LookupError.
func LookPath(word, path string) (string, error) {
	candidates := []string{word}
	if !strings.Contains(word, "/") {
		candidates = candidates[:0]
		for dir := range strings.SplitSeq(path, ":") {
			candidates = append(candidates, join(dir, word))
		}
	}
	for _, file := range candidates {
		var st syscall.Stat_t
		if retry(func() error { return syscall.Stat(file, &st) }) != nil {
			continue
		}
		if text := unfit(file, &st); text != "" {
			return "", &LookupError{NotExecutable, text}
		}
		return file, nil
	}
	return "", &LookupError{NoFile, "can't find command " + quote(word)}
}

// unfit says why an existing file cannot be run, "" if it can.
func unfit(file string, st *syscall.Stat_t) string {
	switch {
	case st.Mode&syscall.S_IFMT == syscall.S_IFDIR:
		return "command at " + quote(file) + " is a directory"
	case st.Mode&0o111 == 0:
		return "command at " + quote(file) + " is not executable"
	case retry(func() error { return syscall.Access(file, xOK) }) != nil:
		return "no permission to run command " + quote(file)
	}
	return ""
}

// retry calls f until it is not interrupted: network filesystems may be.
func retry(f func() error) error {
	for {
		if err := f(); err != syscall.EINTR {
			return err
		}
	}
}

// join puts a word behind a directory of PATH, where "" is the current one. It
// does not clean the result: users see it as they wrote it.
func join(dir, word string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + word
	}
	return dir + "/" + word
}

// quote writes a string between quotes the way the original does: single ones,
// unless the string holds those and no double ones.
func quote(s string) string {
	mark := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	var b strings.Builder
	b.WriteRune(mark)
	for i, r := range s {
		switch {
		case r == mark || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\udc%02x`, s[i]) // not UTF-8
		case r != ' ' && !unicode.IsPrint(r):
			fmt.Fprintf(&b, escapeFor(r), r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteRune(mark)
	return b.String()
}

// escapeFor returns the verb that writes an unprintable rune.
func escapeFor(r rune) string {
	switch {
	case r < 0x100:
		return `\x%02x`
	case r < 0x10000:
		return `\u%04x`
	}
	return `\U%08x`
}
