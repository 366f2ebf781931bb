package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "gosupervisor"

// rules is the shape of the code as a checker reads it.
type rules struct {
	imports   map[string][]string // package: those of ours that it may import
	libraries map[string][]string // foreign package: the directories and files that may import it
	locks     []string            // files that may hold a lock
	starters  []string            // files that may start processes
	maxLines  int
}

// shape is ours: arrows point only downward, and what a package does not name
// it does not see. ARCHITECTURE.md has the reasons.
var shape = rules{
	imports: map[string][]string{
		// 0: know nothing of each other.
		"applet":        nil,
		"early":         nil,
		"lacking":       nil,
		"pidproxy":      nil,
		"peer":          nil,
		"relay":         nil,
		"tty":           nil,
		"version":       nil,
		"conf":          nil,
		"daemon/socket": nil,
		"ctl/http1":     nil,
		"ctl/jsontext":  nil,
		"ctl/openssl":   nil,
		"ctl/xmlrpc":    nil,
		"proc/cgroup":   nil,
		"proc/listener": nil,
		"proc/logfile":  nil,
		"proc/usage":    nil,
		// The one thing below another: its codec.
		"ctl/ndjson": {"ctl/jsontext"},
		// 1: one program.
		"proc":        {"conf"},
		"proc/child":  {"conf", "early"},
		"proc/output": {"conf", "proc/logfile", "tty"},
		// 2: what can be asked.
		"ctl/api": {"ctl/jsontext", "proc"},
		// 3: the whole, without and with the world.
		"daemon/core":    {"conf", "ctl/api", "proc", "proc/listener", "tty"},
		"daemon/fcgi":    {"conf", "daemon/socket"},
		"daemon/initd":   {"conf", "early", "proc/child"},
		"daemon/serve":   {"conf", "ctl/api", "ctl/http1", "ctl/ndjson", "ctl/promtext", "ctl/xmlrpc", "daemon/page", "daemon/socket", "peer"},
		"daemon/page":    {"ctl/api", "ctl/http1"},
		"daemon/metrics": {"ctl/api", "daemon/core"},
		"ctl/promtext":   {"ctl/api"},
		"ctl/client":     {"conf", "ctl/api", "ctl/http1", "ctl/ndjson", "ctl/openssl", "ctl/xmlrpc", "peer"},
		// 4: the two programs. Neither sees the other.
		"ctl": {"conf", "ctl/api", "ctl/client", "ctl/promtext", "tty"},
		"daemon": {
			"conf", "ctl/api", "ctl/ndjson", "ctl/promtext", "ctl/xmlrpc", "daemon/core", "daemon/fcgi", "daemon/initd", "daemon/metrics", "daemon/serve", "early",
			"proc", "proc/cgroup", "proc/child", "proc/listener", "proc/logfile", "proc/output", "proc/usage", "tty", "version",
		},
		// 5: main.
		".": {"applet", "conf", "ctl", "daemon", "daemon/initd", "early", "pidproxy", "proc/child", "relay", "version"},
	},
	libraries: map[string][]string{
		"github.com/go-ini/ini":   {"conf/ini.go"},
		"github.com/peterh/liner": {"ctl"},
		"golang.org/x/sys/unix":   {"conf", "ctl", "ctl/client", "ctl/openssl", "daemon", "daemon/fcgi", "daemon/initd", "daemon/serve", "daemon/socket", "peer", "proc/cgroup", "proc/child", "proc/logfile", "proc/output"},
	},
	// Mailboxes, the writers that a log goes through, and the table of the poller.
	locks: []string{
		"daemon/chores.go", "daemon/inbox.go", "daemon/stdin.go", "proc/child/mailbox.go",
		"proc/logfile/file.go",
		"proc/output/feed.go", "proc/output/poller.go", "proc/output/ring.go", "proc/output/share.go", "proc/output/stream.go", "proc/output/syslog.go",
	},
	// The table of children, and what runs where there is none.
	starters: []string{"ctl/openssl/process.go", "daemon/daemonize.go", "pidproxy/pidproxy.go", "proc/child/spawn.go"},
	maxLines: 600,
}

func TestTheCodeHasTheShapeOfTheArchitecture(t *testing.T) {
	problems, packages := shape.check(os.DirFS("."))
	for _, p := range problems {
		t.Error(p)
	}
	for name := range shape.imports {
		if !slices.Contains(packages, name) {
			t.Errorf("the table has %s, which is no package", name)
		}
	}
	for _, name := range slices.Concat(shape.locks, shape.starters) {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("the table has %s, which is no file", name)
		}
	}
}

func TestTheArchitectureHasNoCycle(t *testing.T) {
	if cycle := shape.cycle(); cycle != "" {
		t.Error(cycle)
	}
	looped := rules{imports: map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}}
	if cycle := looped.cycle(); cycle == "" {
		t.Error("a -> b -> c -> a was not found")
	}
}

func TestTheArchitectureIsWritten(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range shape.imports {
		if name != "." && !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("ARCHITECTURE.md does not name `%s`", name)
		}
	}
}

// check reads every Go file and returns what is wrong, and the packages.
func (r rules) check(root fs.FS) (problems, packages []string) {
	docs := make(map[string]bool)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			base := path.Base(name)
			if name != "." && (base[0] == '.' || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if strings.HasPrefix(name, "integration/") {
			problems = append(problems, outside(name, text)...)
			return nil
		}
		dir := path.Dir(name)
		packages = append(packages, dir)
		found, documented := r.file(name, text)
		problems = append(problems, found...)
		docs[dir] = docs[dir] || documented
		return nil
	})
	if err != nil {
		problems = append(problems, err.Error())
	}
	slices.Sort(packages)
	packages = slices.Compact(packages)
	for _, dir := range packages {
		if _, known := r.imports[dir]; !known {
			problems = append(problems, fmt.Sprintf("%s: not in the table of packages", dir))
		}
		if dir != "." && !docs[dir] {
			problems = append(problems, fmt.Sprintf("%s: no doc.go that begins with \"Package %s\"", dir, path.Base(dir)))
		}
	}
	return problems, packages
}

// file checks one file. documented says whether it is its package's doc.go.
func (r rules) file(name string, text []byte) (problems []string, documented bool) {
	report := func(format string, args ...any) {
		problems = append(problems, name+": "+fmt.Sprintf(format, args...))
	}
	if n := strings.Count(string(text), "\n"); n > r.maxLines {
		report("%d lines, more than %d", n, r.maxLines)
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
	if err != nil {
		report("%v", err)
		return problems, false
	}
	documented = path.Base(name) == "doc.go" && strings.HasPrefix(file.Doc.Text(), "Package "+file.Name.Name+" ")
	if strings.HasSuffix(name, "_test.go") {
		if skipsByItself(file) {
			report("skips by itself; lacking.Skip fails where nothing may be skipped")
		}
		return problems, documented
	}
	names := make(map[string]string) // as the file calls a package: its path
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			report("%v", err)
			continue
		}
		names[path.Base(imported)] = imported
		if spec.Name != nil {
			names[spec.Name.Name] = imported
			if spec.Name.Name == "." {
				report("imports %s into its own names", imported)
			}
		}
		if !r.mayImport(name, imported) {
			report("may not import %s", imported)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		if !ok || pkg.Obj != nil { // a variable of that name
			return true
		}
		switch used := names[pkg.Name] + "." + sel.Sel.Name; used {
		case "time.Sleep", "time.AfterFunc":
			report("uses %s; wait for what it waits for", used)
		case "sync.Mutex", "sync.RWMutex":
			if !slices.Contains(r.locks, name) {
				report("uses %s; only mailboxes, log writers and the poller may", used)
			}
		case "os.StartProcess", "syscall.StartProcess", "syscall.ForkExec":
			if !slices.Contains(r.starters, name) {
				report("uses %s; proc/child starts processes", used)
			}
		}
		return true
	})
	return problems, documented
}

// skipsByItself tells whether a test is left out in another way than by lacking.Skip,
// whatever it calls its T or B.
func skipsByItself(file *ast.File) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			switch sel.Sel.Name {
			case "Skipf", "SkipNow":
				found = true
			case "Skip": // other things have such a method, too
				found = found || isTest(sel.X)
			}
		}
		return true
	})
	return found
}

// isTest tells whether an expression is an argument of a type of package testing, or a
// field with a name that such a thing usually has.
func isTest(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return slices.Contains([]string{"t", "b", "f", "tb", "T", "B", "F", "TB"}, e.Sel.Name)
	case *ast.Ident:
		if e.Obj == nil {
			return false
		}
		field, ok := e.Obj.Decl.(*ast.Field)
		if !ok {
			return false
		}
		of := field.Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		sel, ok := of.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := sel.X.(*ast.Ident)
		return ok && pkg.Name == "testing"
	}
	return false
}

// outside checks a file of the module of the tests from outside, which is free in all else.
func outside(name string, text []byte) []string {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
	switch {
	case err != nil:
		return []string{fmt.Sprintf("%s: %v", name, err)}
	case name != skipper && skipsByItself(file):
		return []string{name + ": skips by itself; the helpers in " + skipper + " tell what CI has to have"}
	}
	return nil
}

// skipper is the file that has the helpers of the tests from outside, a module of its own
// that does not see package lacking.
const skipper = "integration/main_test.go"

// mayImport tells whether the file may import the package.
func (r rules) mayImport(name, imported string) bool {
	dir := path.Dir(name)
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		return slices.Contains(r.imports[dir], ours)
	}
	if imported == "os/exec" {
		return false
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	at := r.libraries[imported]
	return slices.Contains(at, dir) || slices.Contains(at, name)
}

// cycle names a package of the table that reaches itself, or returns "".
func (r rules) cycle() string {
	for _, start := range slices.Sorted(maps.Keys(r.imports)) {
		seen := make(map[string]bool)
		left := slices.Clone(r.imports[start])
		for len(left) > 0 {
			next := left[0]
			left = left[1:]
			if next == start {
				return start + " reaches itself"
			}
			if !seen[next] {
				seen[next] = true
				left = append(left, r.imports[next]...)
			}
		}
	}
	return ""
}

// TestTheCheckerSeesWhatIsWrong changes one file of a good tree at a time.
func TestTheCheckerSeesWhatIsWrong(t *testing.T) {
	small := rules{
		imports:   map[string][]string{".": {"b"}, "a": nil, "b": {"a"}},
		libraries: map[string][]string{"x.org/lib": {"b/lib.go"}},
		locks:     []string{"b/box.go"},
		starters:  []string{"b/start.go"},
		maxLines:  20,
	}
	good := map[string]string{
		"main.go":           "package main\nimport _ \"gosupervisor/b\"\n",
		"a/doc.go":          "// Package a is one.\npackage a\n",
		"b/doc.go":          "// Package b is another.\npackage b\n",
		"b/b.go":            "package b\nimport (\"gosupervisor/a\"; \"time\")\nvar _ = time.Second\n",
		"b/box.go":          "package b\nimport \"sync\"\nvar m sync.Mutex\n",
		"b/start.go":        "package b\nimport \"os\"\nvar _ = os.StartProcess\n",
		"b/lib.go":          "package b\nimport \"x.org/lib\"\n",
		"b/b_test.go":       "package b\nimport (\"os/exec\"; \"time\")\nfunc f() { time.Sleep(1) }\n",
		"b/testdata/x.go":   "this is not Go",
		"integration/it.go": "package integration\nimport \"os/exec\"\n",
	}
	tests := []struct{ name, file, text, want string }{
		{"the good tree is good", "b/more.go", "package b\n", ""},
		{"a layer below sees one above", "a/a.go", "package a\nimport \"gosupervisor/b\"\n", "a/a.go: may not import gosupervisor/b"},
		{"a package that nobody placed", "c/doc.go", "// Package c is new.\npackage c\n", "c: not in the table of packages"},
		{"a package without words", "a/doc.go", "package a\n", `a: no doc.go that begins with "Package a"`},
		{"words in the wrong file", "a/doc.go", "// Something.\npackage a\n", `a: no doc.go that begins with "Package a"`},
		{"a child started the easy way", "b/b.go", "package b\nimport \"os/exec\"\n", "b/b.go: may not import os/exec"},
		{"a sleep", "b/b.go", "package b\nimport \"time\"\nfunc f() { time.Sleep(1) }\n", "b/b.go: uses time.Sleep"},
		{"a sleep under another name", "b/b.go", "package b\nimport zeit \"time\"\nvar f = zeit.Sleep\n", "b/b.go: uses time.Sleep"},
		{"a sleep without a name", "b/b.go", "package b\nimport . \"time\"\n", "b/b.go: imports time into its own names"},
		{"a timer that calls back", "b/b.go", "package b\nimport \"time\"\nvar _ = time.AfterFunc\n", "b/b.go: uses time.AfterFunc"},
		{"a variable called time is no clock", "b/b.go", "package b\nfunc f(time interface{ Sleep() }) { time.Sleep() }\n", ""},
		{"a lock in the wrong place", "b/b.go", "package b\nimport \"sync\"\nvar m sync.RWMutex\n", "b/b.go: uses sync.RWMutex"},
		{"a child started in the wrong place", "b/b.go", "package b\nimport \"os\"\nvar _ = os.StartProcess\n", "b/b.go: uses os.StartProcess"},
		{"a child forked in the wrong place", "b/b.go", "package b\nimport \"syscall\"\nvar _ = syscall.ForkExec\n", "b/b.go: uses syscall.ForkExec"},
		{"a library in the wrong file", "b/b.go", "package b\nimport \"x.org/lib\"\n", "b/b.go: may not import x.org/lib"},
		{"a library that nobody asked for", "a/a.go", "package a\nimport \"y.org/lib\"\n", "a/a.go: may not import y.org/lib"},
		{"a test that leaves itself out", "a/a_test.go", "package a\nfunc f(t *testing.T) { t.Skip() }\n", "a/a_test.go: skips by itself"},
		{"a benchmark that leaves itself out", "a/a_test.go", "package a\nfunc f(b *testing.B) { b.Skipf(\"\") }\n", "a/a_test.go: skips by itself"},
		{"a test under another name that leaves itself out", "a/a_test.go", "package a\nfunc f(x testing.TB) { func() { x.Skip() }() }\n", "a/a_test.go: skips by itself"},
		{"another thing that skips", "a/a_test.go", "package a\nfunc f(s *Scanner) { s.Skip() }\n", ""},
		{"a T of a T that is left out", "a/a_test.go", "package a\nfunc f(r R) { r.t.Skip() }\n", "a/a_test.go: skips by itself"},
		{"a test that the machine lacks something for", "a/a_test.go", "package a\nfunc f(t *testing.T) { lacking.Skip(t) }\n", ""},
		{"a word about it", "a/a_test.go", "package a\nvar s = \"t.Skip()\" // t.Skip()\n", ""},
		{"a test from outside that leaves itself out", "integration/a_test.go", "package a\nfunc f(t *testing.T) { t.Skip() }\n", "integration/a_test.go: skips by itself"},
		{"the helpers of the tests from outside", "integration/main_test.go", "package a\nfunc skip(t testing.TB) { t.Skip() }\n", ""},
		{"a file too long to read", "a/a.go", "package a\n" + strings.Repeat("\n", 20), "a/a.go: 21 lines, more than 20"},
		{"a test too long to read", "a/a_test.go", "package a\n" + strings.Repeat("\n", 20), "a/a_test.go: 21 lines, more than 20"},
		{"a file that is not Go", "a/a.go", "pakage a\n", "a/a.go: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := make(fstest.MapFS)
			for name, text := range good {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			tree[tt.file] = &fstest.MapFile{Data: []byte(tt.text)}
			problems, _ := small.check(tree)
			if tt.want == "" && len(problems) > 0 {
				t.Errorf("got %q, want nothing", problems)
			}
			if tt.want != "" && (len(problems) != 1 || !strings.HasPrefix(problems[0], tt.want)) {
				t.Errorf("got %q, want one that begins with %q", problems, tt.want)
			}
		})
	}
}
