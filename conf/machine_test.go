package conf

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
)

// machine is a host of which nothing is real. Its files are given; every
// directory in which one of them lies exists, and /tmp and /var/log.
func machine(files map[string]string) *Host {
	dirs := map[string][]string{"/tmp": nil, "/var/log": nil, "/": nil}
	for f := range files {
		for d := f; d != "/"; {
			dir, base := splitPath(d)
			if !slices.Contains(dirs[dir], base) {
				dirs[dir] = append(dirs[dir], base)
			}
			d = dir
		}
	}
	isDir := func(p string) bool { _, ok := dirs[cleanPath(p)]; return ok }
	open := fakeFiles(files)
	return &Host{
		Environ:  []string{"HOME=/root", "PORT=80"},
		Getuid:   func() int { return 0 },
		Getwd:    func() (string, error) { return "/", nil },
		Hostname: func() (string, error) { return "node", nil },
		TempDir:  func() string { return "/tmp" },
		Open: func(p string) (io.ReadCloser, error) {
			switch p {
			case "/etc/passwd":
				return io.NopCloser(strings.NewReader(fakePasswd)), nil
			case "/etc/group":
				return io.NopCloser(strings.NewReader(fakeGroup)), nil
			}
			return open(p)
		},
		Exists:  func(p string) bool { _, ok := files[p]; return ok || isDir(p) },
		IsDir:   isDir,
		ReadDir: func(p string) ([]string, error) { return dirs[cleanPath(p)], nil },
	}
}

func loadString(text string) (*Config, error) {
	return Load("/c/s.conf", machine(map[string]string{"/c/s.conf": text}))
}

func mustLoad(t *testing.T, text string) *Config {
	t.Helper()
	c, err := loadString(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func notesOf(c *Config) string {
	var b strings.Builder
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "%s %s\n", n.Level.Code(), n.Text)
	}
	return b.String()
}

// cleanPath is path.Clean, except that an empty path stays empty.
func cleanPath(p string) string {
	if p == "" {
		return ""
	}
	return path.Clean(p)
}
