package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Bounds of what files may put into one environment. The kernel takes no variable
// that is longer with its name, and hardly more than all of them together.
const (
	maxEnvFile   = 1 << 20
	maxEnvEntry  = 128<<10 - 1 // NAME=VALUE
	maxEnvDir    = 1_000       // files
	maxEnvBytes  = 8 << 20
	maxEnvValues = 10_000
)

// EnvVar is a variable that a file sets.
type EnvVar struct {
	Name, Value string
	Key         string // "env_file", "env_dir" or "env_from_file"
	Path        string // of the file
	Line        int    // of an env_file
}

// Read reads what the files hold, those first that others win over. environ is the
// daemon's own environment, as KEY=VALUE. The error names the first file that
// cannot be read, and never what is in it.
func (e *EnvSources) Read(environ []string) ([]EnvVar, error) {
	return e.read(&Host{Environ: environ, Open: openOwned, ReadDir: readDirOwned})
}

func (e *EnvSources) read(h *Host) ([]EnvVar, error) {
	var all []EnvVar
	size := 0
	for _, src := range e.list() {
		vars, err := src.read(h)
		if err != nil {
			return nil, err
		}
		for _, v := range vars {
			size += len(v.Name) + len(v.Value)
		}
		if all = append(all, vars...); len(all) > maxEnvValues || size > maxEnvBytes {
			return nil, src.failed(fmt.Errorf("all files together hold more than %d variables, or %d MiB", maxEnvValues, maxEnvBytes>>20))
		}
	}
	return all, nil
}

// envSource is one path to read.
type envSource struct {
	key  string
	name string // of the variable that it is for
	EnvPath
}

// list gives every source in the order of precedence, the weakest first.
func (e *EnvSources) list() []envSource {
	var list []envSource
	for _, p := range e.Files {
		list = append(list, envSource{key: "env_file", EnvPath: p})
	}
	for _, p := range e.Dirs {
		list = append(list, envSource{key: "env_dir", EnvPath: p})
	}
	for _, f := range e.From {
		list = append(list, envSource{"env_from_file", f.Name, f.EnvPath})
	}
	return list
}

// failed says of which source an error is.
func (s envSource) failed(err error) error {
	what := fmt.Sprintf("%s %q", s.key, s.Path)
	if s.name != "" {
		what += " for " + s.name
	}
	return &envError{fmt.Sprintf("cannot read %s: %s", what, reason(err)), err}
}

// envError is why a source could not be read.
type envError struct {
	text  string
	cause error
}

func (e *envError) Error() string { return e.text }

// Unwrap returns the cause.
func (e *envError) Unwrap() error { return e.cause }

// read reads one source. One that is optional and not there holds nothing.
func (s envSource) read(h *Host) ([]EnvVar, error) {
	var vars []EnvVar
	var err error
	switch s.key {
	case "env_file":
		vars, err = s.readFile(h)
	case "env_dir":
		vars, err = s.readDir(h)
	default:
		vars, err = s.readValue(h, s.name, s.Path)
	}
	switch {
	case err == nil:
		return vars, nil
	case s.Optional && errors.Is(err, fs.ErrNotExist):
		return nil, nil
	}
	return nil, s.failed(err)
}

func (s envSource) readFile(h *Host) ([]EnvVar, error) {
	data, err := readWhole(h, s.Path, maxEnvFile)
	if err != nil {
		return nil, err
	}
	vars, err := parseEnvFile(data, h.getenv)
	for i := range vars {
		vars[i].Key, vars[i].Path = s.key, s.Path
	}
	return vars, err
}

// readDir takes each file of a directory for a variable of its name. What begins
// with a dot is none, as what Kubernetes keeps beside its secrets, nor is a
// directory.
func (s envSource) readDir(h *Host) ([]EnvVar, error) {
	names, err := h.ReadDir(s.Path)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return strings.HasPrefix(name, ".") })
	if len(names) > maxEnvDir {
		return nil, fmt.Errorf("more than %d files", maxEnvDir)
	}
	slices.Sort(names)
	var all []EnvVar
	for _, name := range names {
		if strings.Contains(name, "=") {
			return nil, fmt.Errorf("the file name %q cannot be that of a variable", name)
		}
		vars, err := s.readValue(h, name, s.Path+"/"+name)
		if errors.Is(err, errDirectory) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %s", name, reason(err))
		}
		all = append(all, vars...)
	}
	return all, nil
}

// readValue takes all that a file holds for the value of a variable, but for the
// line end that editors and echo leave there.
func (s envSource) readValue(h *Host, name, path string) ([]EnvVar, error) {
	data, err := readWhole(h, path, maxEnvEntry)
	if err != nil {
		return nil, err
	}
	if rest, ended := bytes.CutSuffix(data, []byte("\n")); ended {
		data = bytes.TrimSuffix(rest, []byte("\r"))
	}
	v := EnvVar{Name: name, Value: string(data), Key: s.key, Path: path}
	return []EnvVar{v}, v.fault()
}

// fault says why no child can be given the variable.
func (v EnvVar) fault() error {
	switch {
	case strings.Contains(v.Value, "\x00"):
		return errors.New("a value with a NUL byte cannot be that of a variable")
	case len(v.Name)+1+len(v.Value) > maxEnvEntry:
		return fmt.Errorf("longer than a variable can be, which is %d bytes with its name", maxEnvEntry)
	}
	return nil
}

// errDirectory and errNoFile are for what holds no text.
var (
	errDirectory = errors.New("is a directory")
	errNoFile    = errors.New("is no regular file")
)

// readWhole reads a file within a bound, and nothing that may never end.
func readWhole(h *Host, path string, most int) ([]byte, error) {
	r, err := h.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if f, ok := r.(*os.File); ok {
		st, err := f.Stat()
		switch {
		case err != nil:
			return nil, err
		case st.IsDir():
			return nil, errDirectory
		case !st.Mode().IsRegular():
			return nil, errNoFile
		}
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("longer than %d bytes", most)
	}
	return data, err
}

// parseEnvFile reads lines of the form NAME=VALUE. The value is all that stands
// behind the first =, as it stands there: quotes, $ and # mean nothing, so that no
// value must be written otherwise than it is. A # begins a comment only where a line
// does; "export" before the name is let go; a name alone takes our own variable of
// that name, if there is one. An error tells the line and nothing that stands in it.
func parseEnvFile(data []byte, getenv func(string) (string, bool)) ([]EnvVar, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var vars []EnvVar
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		text = strings.TrimLeft(text, " \t")
		if text == "" || text[0] == '#' {
			continue
		}
		name, value, set := strings.Cut(text, "=")
		if rest, found := strings.CutPrefix(name, "export"); found && strings.TrimLeft(rest, " \t") != rest {
			name = strings.TrimLeft(rest, " \t")
		}
		if !isVariableName(name) {
			return nil, fmt.Errorf("line %d is not NAME=VALUE", number)
		}
		if !set {
			if value, set = getenv(name); !set {
				continue
			}
		}
		v := EnvVar{Name: name, Value: value, Line: number}
		if err := v.fault(); err != nil {
			return nil, fmt.Errorf("line %d: %v", number, err)
		}
		if vars = append(vars, v); len(vars) > maxEnvValues {
			return nil, fmt.Errorf("more than %d variables", maxEnvValues)
		}
	}
	return vars, nil
}

// isVariableName is narrower than the kernel, which takes anything: a line of a
// value that was broken into several must not pass for a name.
func isVariableName(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case c == '_', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case i > 0 && (c == '.' || c == '-' || c >= '0' && c <= '9'):
		default:
			return false
		}
	}
	return s != ""
}
