package conf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeFiles is a Host.Open that knows the given files only.
func fakeFiles(files map[string]string) func(string) (io.ReadCloser, error) {
	return func(p string) (io.ReadCloser, error) {
		text, ok := files[p]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

const (
	fakePasswd = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv/web:/bin/sh\n# a comment\n+nis::::::\nbroken\nbad:x:a:b:::\n1000:x:77:77::/h:/bin/sh\n"
	fakeGroup  = "root:x:0:\nweb:x:34:\nadm:x:4:root,web\ntty:x:5:web\nweb2:x:34:web\nbad:x:z:web\n"
)

func TestAUserWhoIsNotThereComesWithAdvice(t *testing.T) {
	full := &Host{Open: fakeFiles(map[string]string{"/etc/passwd": fakePasswd, "/etc/group": fakeGroup})}
	none := &Host{Open: fakeFiles(nil)}
	for _, tt := range []struct {
		in   string
		host *Host
		want string
	}{
		{"nobody", full, "no such user in /etc/passwd"},
		{"-5", full, "no such user in /etc/passwd"},
		{"web:adm", full, "write a name, a number or UID:GID; group= takes the name of a group"},
		{"nobody", none, "there is no /etc/passwd here: write a number such as 65534"},
	} {
		if _, err := LookupAccount(tt.in, tt.host); hintOf(err) != tt.want {
			t.Errorf("%s: got %v with the hint %q, want %q", tt.in, err, hintOf(err), tt.want)
		}
	}
}

func TestLookupAccount(t *testing.T) {
	full := &Host{Open: fakeFiles(map[string]string{"/etc/passwd": fakePasswd, "/etc/group": fakeGroup})}
	none := &Host{Open: fakeFiles(nil)}
	strict := originalHost(full)
	for _, tt := range []struct {
		name, in string
		host     *Host
		want     string
	}{
		{"a name", "web", full, "{web 33 34 [34 4 5]}"},
		{"a number", "33", full, "{33 33 34 [34 4 5]}"},
		{"a number is a number even when a user is called so", "1000", full, "{1000 1000 1000 [1000]}"},
		{"two numbers", "12345:678", full, "{12345:678 12345 678 [678]}"},
		{"two numbers, of which the first is a user's", "33:678", full, "{33:678 33 678 [678 4 5 34]}"},
		{"two numbers for the kernel alone", "1:4294967295", full, "! Invalid user name 1:4294967295"},
		{"a name and a group", "web:adm", full, "! Invalid user name web:adm"},
		{"a number and no group", "1:", full, "! Invalid user name 1:"},
		{"the first user", "0", full, "{0 0 0 [0 4]}"},
		{"an unknown name", "nobody", full, "! Invalid user name nobody"},
		{"an unknown number", "99999", full, "{99999 99999 99999 [99999]}"},
		{"an unknown number for the original", "99999", strict, "! Invalid user id 99999"},
		{"two numbers for the original", "33:34", strict, "! Invalid user name 33:34"},
		{"a negative number", "-5", full, "! Invalid user id -5"},
		{"no name", "", full, "! Invalid user name "},
		{"a line that is broken is nobody", "bad", full, "! Invalid user name bad"},
		{"a number where there is no user database", "12345", none, "{12345 12345 12345 [12345]}"},
		{"root where there is no user database", "root", none, "{root 0 0 [0]}"},
		{"a name where there is no user database", "web", none, "! Invalid user name web"},
		{"the number that means unchanged", "4294967295", none, "! Invalid user id 4294967295"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := LookupAccount(tt.in, tt.host)
			got := ""
			if err == nil {
				got = fmt.Sprint(*a)
			} else {
				got = "! " + err.Error()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestParseOwner(t *testing.T) {
	full := (&Host{Open: fakeFiles(map[string]string{"/etc/passwd": fakePasswd, "/etc/group": fakeGroup})}).whole()
	none := (&Host{Open: fakeFiles(nil)}).whole()
	strict := originalHost(full)
	for _, tt := range []struct {
		in   string
		host *Host
		want string
	}{
		{"web", full, "[33 -1]"}, {"web:adm", full, "[33 4]"}, {"33:5", full, "[33 5]"},
		{"web:nope", full, "! Invalid group name nope"}, {"web:99", full, "[33 99]"}, {"99:99", full, "[99 99]"}, {"web:99", strict, "! Invalid group id 99"},
		{"nope:adm", full, "! Invalid user name nope"}, {"web:-1", full, "! Invalid group id -1"},
		{"7:8", none, "[7 8]"}, {"root:root", none, "[0 0]"},
	} {
		if got := outcome(parseOwner(tt.in, tt.host)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestTheRealMachine(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := (*Host)(nil).whole()
	if !h.IsDir(dir) || h.IsDir(dir+"/f") || !h.Exists(dir+"/f") || h.Exists(dir+"/g") {
		t.Error("the machine does not know its own files")
	}
	if names, err := h.ReadDir(dir); err != nil || !slices.Equal(names, []string{"f"}) {
		t.Errorf("the directory holds %q (%v)", names, err)
	}
	if _, err := h.ReadDir(dir + "/g"); err == nil {
		t.Error("a directory that is not there can be read")
	}
	if _, err := h.Open(dir + "/g"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opening nothing gives %v", err)
	}
	if !h.Plugin(MainRPCInterface) || !h.Plugin(StdoutHandler) || h.Plugin("a:b") {
		t.Error("the built-in plugins are not the ones that can be had")
	}
}

func TestPathsOfUsers(t *testing.T) {
	h := (&Host{
		Environ: []string{"X", "HOME=/home/me/", "HOME=/second"},
		Getwd:   func() (string, error) { return "/srv", nil },
		Getuid:  func() int { return 33 },
		Open:    fakeFiles(map[string]string{"/etc/passwd": fakePasswd}),
	}).whole()
	for in, want := range map[string]string{
		"a/~": "a/~", "~": "/home/me", "~/x": "/home/me/x", "~web/x": "/srv/web/x", "~nope/x": "~nope/x",
	} {
		if got := h.expandUser(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "/srv", "a/../b": "/srv/b", "/a//b/.": "/a/b"} {
		if got := h.abs(in); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
	h.Environ = nil
	if got := h.expandUser("~"); got != "/srv/web" {
		t.Errorf("without HOME, ~ is %s", got)
	}
	h.Environ = []string{"HOME="}
	if got := h.expandUser("~"); got != "/" {
		t.Errorf("with an empty HOME, ~ is %s", got)
	}
	h.Getwd = func() (string, error) { return "", errors.New("gone") }
	if got := h.abs("x"); got != "/x" {
		t.Errorf("without a working directory, x is %s", got)
	}
}

func TestTempDir(t *testing.T) {
	dir := t.TempDir()
	h := (&Host{Environ: []string{"TMPDIR=/nope", "TEMP=", "TMP=" + dir}}).whole()
	if got := h.TempDir(); got != dir {
		t.Errorf("got %s, want %s", got, dir)
	}
	h = (&Host{Environ: []string{}, IsDir: func(string) bool { return false }}).whole()
	if got := h.TempDir(); got != "/tmp" {
		t.Errorf("where nothing is usable, got %s", got)
	}
}

func TestGlob(t *testing.T) {
	files := []string{"/c/a.conf", "/c/b.conf", "/c/.h.conf", "/c/d/x.conf", "/c/e/x.conf", "/c/e/y[1].ini", "/c/é.conf"}
	tree := map[string][]string{}
	for _, f := range files {
		for d := f; d != "/"; {
			dir, base := splitPath(d)
			if !slices.Contains(tree[dir], base) {
				tree[dir] = append(tree[dir], base)
			}
			d = dir
		}
	}
	h := &Host{
		Exists:  func(p string) bool { return slices.Contains(files, p) || tree[p] != nil },
		IsDir:   func(p string) bool { return tree[strings.TrimRight(p, "/")] != nil },
		ReadDir: func(p string) ([]string, error) { return tree[p], nil },
	}
	for _, tt := range []struct{ name, pattern, want string }{
		{"a star", "/c/*.conf", "/c/a.conf /c/b.conf /c/é.conf"},
		{"a leading dot is written out", "/c/.*.conf", "/c/.h.conf"},
		{"a question mark is one character", "/c/?.conf", "/c/a.conf /c/b.conf /c/é.conf"},
		{"a set", "/c/[ax].conf", "/c/a.conf"},
		{"a range", "/c/[b-z].conf", "/c/b.conf"},
		{"everything but a set", "/c/[!a].conf", "/c/b.conf /c/é.conf"},
		{"a bracket in a set", "/c/e/y[[]1[]].ini", "/c/e/y[1].ini"},
		{"an open bracket stands for itself", "/c/e/y[*", "/c/e/y[1].ini"},
		{"patterns in directories", "/c/*/x.conf", "/c/d/x.conf /c/e/x.conf"},
		{"patterns everywhere", "/*/[de]/*.*", "/c/d/x.conf /c/e/x.conf /c/e/y[1].ini"},
		{"two stars are one", "/c/**/x.conf", "/c/d/x.conf /c/e/x.conf"},
		{"two stars do not go deeper", "/**.conf", ""},
		{"a directory by its slash", "/c/*/", "/c/d/ /c/e/"},
		{"no magic and there", "/c/a.conf", "/c/a.conf"},
		{"no magic and not there", "/c/z.conf", ""},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := globber{host: h, left: 100}
			found := g.glob(tt.pattern)
			slices.Sort(found)
			if got := strings.Join(found, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	g := globber{host: h, left: 2}
	if g.glob("/*/*/*"); g.left >= 0 {
		t.Error("three directories were looked into although only two were allowed")
	}
}

func TestStarsDoNotExplode(t *testing.T) {
	if matchName(strings.Repeat("*a", 50)+"b", strings.Repeat("a", 5000)) {
		t.Error("a pattern that ends in b matches a name that does not")
	}
}
