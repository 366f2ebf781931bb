package conf

import "strings"

// Find looks for the configuration file that is used when none is named. argv0
// is the program as it was called; a bare name is looked up in PATH. searched
// lists every place in order; path is the first at which anything exists.
func Find(argv0 string, h *Host) (path string, searched []string, found bool) {
	h = h.whole()
	up := programRoot(argv0, h)
	searched = []string{
		joinPath(up, "etc/supervisord.conf"),
		joinPath(up, "supervisord.conf"),
		"supervisord.conf",
		"etc/supervisord.conf",
		"/etc/supervisord.conf",
		"/etc/supervisor/supervisord.conf",
	}
	for _, p := range searched {
		if h.Exists(p) {
			return p, searched, true
		}
	}
	return "", searched, false
}

// programRoot is the directory above the one that holds the program, as far as
// the name tells: /usr for /usr/bin/supervisord.
func programRoot(argv0 string, h *Host) string {
	if !strings.Contains(argv0, "/") {
		argv0 = inPath(argv0, h)
	}
	dir, _ := splitPath(h.abs(argv0))
	up, _ := splitPath(dir)
	return up
}

func inPath(name string, h *Host) string {
	dirs, _ := h.getenv("PATH")
	for _, dir := range strings.Split(dirs, ":") {
		if p := joinPath(dir, name); h.Exists(p) && !h.IsDir(p) {
			return p
		}
	}
	return name
}
