package logfile

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestAutoName(t *testing.T) {
	for _, row := range []struct {
		name, process, channel, identifier string
		want                               string // a regular expression
	}{
		{"stdout", "web", "stdout", "supervisor", `^web-stdout---supervisor-[a-z0-9_]{8}\.log$`},
		{"stderr", "web_00", "stderr", "My.id", `^web_00-stderr---My\.id-[a-z0-9_]{8}\.log$`},
		{"a slash would be another directory", "a/../b", "stdout", "x/y", `^a_\.\._b-stdout---x_y-[a-z0-9_]{8}\.log$`},
		{"a long process name is cut", strings.Repeat("p", 300), "stdout", "id", `^p{200,}-stdout---id-[a-z0-9_]{8}\.log$`},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := AutoName(row.process, row.channel, row.identifier)
			if !regexp.MustCompile(row.want).MatchString(got) || len(got) > nameMax {
				t.Fatalf("AutoName() = %q (%d)", got, len(got))
			}
			if got == AutoName(row.process, row.channel, row.identifier) {
				t.Fatal("the same name twice")
			}
		})
	}
}

func TestCreateAuto(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, AutoName("p", "stdout", "id"))
	if err := CreateAuto(path); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != AutoMode {
		t.Fatalf("mode %v, %v", st.Mode(), err)
	}
	if err := CreateAuto(path); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("a second time: %v", err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "victim"), link); err != nil {
		t.Fatal(err)
	}
	if err := CreateAuto(link); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("over a link that somebody laid: %v", err)
	}
	if err := CreateAuto(filepath.Join(dir, "no", "x")); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("without directory: %v", err)
	}
}

func TestStaleAuto(t *testing.T) {
	mine := []string{
		"a-stdout---super.visor-abcd_123.log",
		"a-stdout---super.visor-abcd_123.log.1",
		"b-stderr---super.visor-q0000000.log",
		"b-stderr---super.visor-q0000000.log.9999",
		"odd-stdout---super.visor-a.log.",
		"odd-stdout---super.visor-a.log.b.log",
		"old-stdout---super.visor-Xy12ab.log", // as other versions name them
	}
	others := []string{
		"---super.visor-abcd_123.log",           // no process
		"a-stdout---superXvisor-abcd_123.log",   // the point is a point
		"a-stdout---other-abcd_123.log",         //
		"a-stdout---super.visor-2-abcd_123.log", // a neighbour with a longer name
		"a-stdout---super.visor-ab cd.log",
		"a-stdout---super.visor-abcd_123.log.12345",
		"a-stdout---super.visor-abcd_123.log.gz",
		"a-stdout---super.visor-abcd_123.log-1",
		"a-stdout---super.visor-.log",
		"a-stdout---super.visor-abcd_123",
		"a-stdout---super.visor-abcd_123.txt",
		"notes.log",
	}
	dir := t.TempDir()
	var want []string
	for _, name := range mine {
		want = append(want, filepath.Join(dir, name))
	}
	for _, name := range append(others, mine...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "d-stdout---super.visor-abcd_123.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := StaleAuto(dir, "super.visor")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("StaleAuto() = %q, %v; want %q", got, err, want)
	}
	if _, err := StaleAuto(filepath.Join(dir, "no"), "x"); !errors.Is(err, syscall.ENOENT) {
		t.Fatalf("StaleAuto() of a missing directory: %v", err)
	}
}

// FuzzAuto checks that every log that we name is found again, and by nobody
// whose identifier is another.
func FuzzAuto(f *testing.F) {
	f.Add("web", "supervisor", "super")
	f.Add("a---b", "x-y", "x")
	f.Add("\xff", "(*[", "\xfe")
	f.Add("a\nb", "\n", "a\x00b/c")
	f.Fuzz(func(t *testing.T, process, identifier, other string) {
		if process == "" || len(identifier) > 100 {
			return
		}
		dir := t.TempDir()
		path := filepath.Join(dir, AutoName(process, "stdout", identifier))
		if err := CreateAuto(path); err != nil {
			t.Fatal(err)
		}
		got, err := StaleAuto(dir, identifier)
		if err != nil || len(got) != 1 || got[0] != path {
			t.Fatalf("%q: StaleAuto(%q) = %q, %v", path, identifier, got, err)
		}
		got, err = StaleAuto(dir, other)
		head := path[:len(path)-len("12345678.log")] // up to the random part
		same := strings.HasSuffix(head, "---"+oneName(other)+"-")
		if err != nil || (len(got) > 0) != same {
			t.Fatalf("%q: StaleAuto(%q) = %q, %v", path, other, got, err)
		}
	})
}
