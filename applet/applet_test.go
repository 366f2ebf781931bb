package applet

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// said is a binary whose applets write what they were called with.
func said() (*Binary, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	b := &Binary{Stdout: &out, Stderr: &errs}
	b.Version = func() string { return "1.2.3" }
	for i, name := range []string{"daemon", "client", "sample"} {
		b.Applets = append(b.Applets, Applet{Name: name, About: "the " + name, Main: func(argv0 string, args []string) int {
			fmt.Fprintf(&out, "%s: %s %q\n", name, argv0, args)
			return 10 + i
		}})
	}
	return b, &out, &errs
}

func TestRun(t *testing.T) {
	tests := []struct {
		name string
		argv string
		code int
		out  string
	}{
		{"the name decides", "client status", 10 + 1, `client: client ["status"]`},
		{"the name in a directory decides", "/usr/bin/client status", 11, `client: /usr/bin/client ["status"]`},
		{"a name without arguments", "daemon", 10, `daemon: daemon []`},
		{"an unknown name leaves it to the first word", "./prog client status x", 11, `client: ./client ["status" "x"]`},
		{"the first applet gives way to another's name", "/bin/daemon client -h", 11, `client: /bin/client ["-h"]`},
		{"a bare name stays bare", "daemon sample", 12, `sample: sample []`},
		{"only the first word counts", "daemon -n client", 10, `daemon: daemon ["-n" "client"]`},
		{"its own name is an argument to the first applet", "daemon daemon", 10, `daemon: daemon ["daemon"]`},
		{"another applet does not give way", "client daemon", 11, `client: client ["daemon"]`},
		{"an applet chosen by a word does not choose again", "prog client daemon", 11, `client: client ["daemon"]`},
		{"a shortened name is not a name", "daemon cli", 10, `daemon: daemon ["cli"]`},
		{"the version of an applet", "client --version", 0, "1.2.3"},
		{"the version of an applet by word", "prog sample --version", 0, "1.2.3"},
		{"the version of the whole", "prog --version", 0, "1.2.3"},
		{"a version among arguments is the applet's", "daemon -n --version", 10, `daemon: daemon ["-n" "--version"]`},
		{"links are not another applet's business", "client --install x", 11, `client: client ["--install" "x"]`},
		{"help for the whole is asked for", "prog --help", 0, "Call this program by the name of an applet"},
		{"short help too", "prog -h", 0, "Call this program by the name of an applet"},
		{"help for an applet is the applet's", "daemon -h", 10, `daemon: daemon ["-h"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, out, errs := said()
			code := b.Run(strings.Fields(tt.argv))
			if code != tt.code || errs.Len() != 0 {
				t.Errorf("exit status %d, want %d; stderr %q", code, tt.code, errs)
			}
			if got, _, _ := strings.Cut(out.String(), "\n"); !strings.HasPrefix(got, tt.out) {
				t.Errorf("got %q, want %q", got, tt.out)
			}
		})
	}
}

func TestAnAliasIsShownAndNotInstalled(t *testing.T) {
	b, out, _ := said()
	b.Applets[1].Alias = true
	b.Run([]string{"prog", "--help"})
	if !strings.Contains(out.String(), "client") {
		t.Errorf("not in the list: %s", out)
	}
	dir := t.TempDir()
	b.Run([]string{"prog", "--install", dir})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != len(b.Applets)-1 {
		t.Errorf("installed: %v, %v", entries, err)
	}
}

func TestAHiddenAppletRunsAndIsNotShown(t *testing.T) {
	b, out, errs := said()
	b.Applets[1].Hidden = true
	if code := b.Run([]string{"client", "x"}); code != 11 {
		t.Errorf("by its name: exit status %d", code)
	}
	out.Reset()
	b.Run([]string{"prog", "--help"})
	dir := t.TempDir()
	b.Run([]string{"prog", "--install", dir})
	if shown := out.String(); strings.Contains(shown, "client") || !strings.Contains(shown, "sample") || errs.Len() > 0 {
		t.Errorf("stdout %q, stderr %q", shown, errs)
	}
	if got := links(t, b, dir); strings.Fields(got)[1] != "-" {
		t.Errorf("it was installed: %q", got)
	}
}

func TestNobodyPrintsTheAppletsAndGivesTwo(t *testing.T) {
	for _, argv := range [][]string{nil, {}, {""}, {"prog"}, {"prog", "ctl"}, {"prog", ""}, {"prog", "--", "client"}} {
		b, out, errs := said()
		if code := b.Run(argv); code != 2 {
			t.Errorf("%q: exit status %d, want 2", argv, code)
		}
		for _, a := range b.Applets {
			if !strings.Contains(errs.String(), a.Name) {
				t.Errorf("%q: %s is not in %q", argv, a.Name, errs)
			}
		}
		if out.Len() != 0 {
			t.Errorf("%q: stdout %q", argv, out)
		}
	}
}
