package conf

import (
	"strings"
	"unicode/utf8"
)

// globber finds the files that a pattern of [include] names: *, ? and [set], with
// [!set] for everything else. A leading dot must be written out, ** is nothing
// special, and a backslash is a character like any other.
type globber struct {
	host *Host
	left int // directories that may still be looked into
}

func hasMagic(s string) bool { return strings.ContainsAny(s, "*?[") }

func (g *globber) glob(pattern string) []string {
	if !hasMagic(pattern) {
		if pattern != "" && g.host.Exists(pattern) {
			return []string{pattern}
		}
		return nil
	}
	dir, base := splitPath(pattern)
	dirs := []string{dir}
	if hasMagic(dir) {
		dirs = g.glob(dir)
	}
	var found []string
	for _, d := range dirs {
		switch {
		case !hasMagic(base):
			if p := joinPath(d, base); base == "" && g.host.IsDir(d) || base != "" && g.host.Exists(p) {
				found = append(found, p)
			}
		default:
			found = append(found, g.inDir(d, base)...)
		}
	}
	return found
}

// inDir lists the entries of a directory that match.
func (g *globber) inDir(dir, pattern string) []string {
	if g.left--; g.left < 0 {
		return nil
	}
	list := dir
	if list == "" {
		list = "."
	}
	names, err := g.host.ReadDir(list)
	if err != nil {
		return nil
	}
	var found []string
	for _, name := range names {
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
			continue
		}
		if matchName(pattern, name) {
			found = append(found, joinPath(dir, name))
		}
	}
	return found
}

// splitPath cuts a path before its last component; the directory loses its
// trailing slashes unless it is nothing but slashes.
func splitPath(p string) (dir, base string) {
	i := strings.LastIndexByte(p, '/') + 1
	dir, base = p[:i], p[i:]
	if d := strings.TrimRight(dir, "/"); d != "" {
		dir = d
	}
	return dir, base
}

func joinPath(dir, base string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + base
	}
	return dir + "/" + base
}

// matchName matches one path component in time proportional to the product of
// the lengths, whatever the number of stars.
func matchName(pattern, name string) bool {
	star, back := -1, 0 // where to go on when the rest does not match
	p, n := 0, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, back = p, n
			p++
			continue
		}
		if p < len(pattern) {
			r, size := utf8.DecodeRuneInString(name[n:])
			if used, ok := matchOne(pattern[p:], r); ok {
				p += used
				n += size
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(name[back:])
		back += size
		p, n = star+1, back
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches r against the first element of a pattern and gives that
// element's length.
func matchOne(pattern string, r rune) (int, bool) {
	first, size := utf8.DecodeRuneInString(pattern)
	switch first {
	case '?':
		return 1, true
	case '[':
		if end := setEnd(pattern); end > 0 {
			return end + 1, matchSet(pattern[1:end], r)
		}
	}
	return size, first == r
}

// setEnd finds the bracket that closes a set, or 0 when none does and the opening
// one stands for itself. A bracket right at the beginning belongs to the set.
func setEnd(pattern string) int {
	i := 1
	if i < len(pattern) && pattern[i] == '!' {
		i++
	}
	if i < len(pattern) && pattern[i] == ']' {
		i++
	}
	if end := strings.IndexByte(pattern[min(i, len(pattern)):], ']'); end >= 0 {
		return i + end
	}
	return 0
}

func matchSet(set string, r rune) bool {
	negated := strings.HasPrefix(set, "!")
	if negated {
		set = set[1:]
	}
	runes := []rune(set)
	in := false
	for i := 0; i < len(runes); i++ {
		low, high := runes[i], runes[i]
		if i+2 < len(runes) && runes[i+1] == '-' {
			high = runes[i+2]
			i += 2
		}
		in = in || r >= low && r <= high
	}
	return in != negated
}
