package ctl

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNamesForTheScripts(t *testing.T) {
	evil := `[{"name":"a b","group":"a b"},{"name":"c\nd","group":"c\nd"},{"name":"ok","group":"ok"}]`
	f := newFake(t, nil)
	odd := newFake(t, map[string]any{"supervisor.getAllProcessInfo": json.RawMessage(evil)})
	none := t.TempDir() + "/none"
	locked := newFake(t, map[string]any{"supervisor.getAllProcessInfo": fault(6, "")})
	for _, row := range []struct {
		name, url, line, want string
	}{
		{"processes", f.url, "processes", "cat\ng:*\ng:m1\ng:m2\nidle\n"},
		{"those of a letter", f.url, "processes c", "cat\n"},
		{"those of a group", f.url, "processes g:m", "g:m1\ng:m2\n"},
		{"a colon behind a bare name", f.url, "processes idle:", "idle:*\nidle:idle\n"},
		{"groups", f.url, "groups", "cat\ng\nidle\n"},
		{"groups of a letter", f.url, "groups g", "g\n"},
		{"names that nobody could type", odd.url, "processes", "ok\n"},
		{"no server", "unix://" + none, "processes", ""},
		{"a server that refuses", locked.url, "processes", ""},
		{"no URL", "ftp://x", "groups", ""},
	} {
		got := supervisorctl(t, "", "-c", f.config, "-s", row.url, hiddenNames+" -- "+row.line)
		if got != (outcomeOf{row.want, "", 0}) {
			t.Errorf("%s: got %+v, want %q", row.name, got, row.want)
		}
	}
}

func TestAServerThatSaysNothingDoesNotHoldCompletionUp(t *testing.T) {
	path := t.TempDir() + "/s.sock"
	l, err := net.Listen("unix", path) // and nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	start := time.Now()
	got := supervisorctl(t, "", "-c", newFake(t, nil).config, "-s", "unix://"+path, hiddenNames+" processes")
	if took := time.Since(start); got != (outcomeOf{"", "", 0}) || took > 5*namesPatience {
		t.Errorf("got %+v after %v", got, took)
	}
}

func TestTheValuesOfAFlagComeFromTheTable(t *testing.T) {
	table := []verb{{"pause", nothing, nil, "pause\t\tWait it out\n", []flag{
		{name: "for", short: "f", value: "STATE", parse: oneOf("running", "stopped"), words: []string{"running", "stopped"}, help: "what it's for"}}}}
	for _, row := range []struct{ line, want string }{
		{"pause --for=r", "--for=running"},
		{"pause --for=", "--for=running --for=stopped"},
		{"pause --for st", "stopped"},
		{"pause -f ", "running stopped"},
		{"pause --f", "--for="},
		{"pause -- --f", ""},
	} {
		for shell, command := range map[string]string{
			"bash": `eval "$SCRIPT"; COMP_WORDBREAKS=' '; COMP_LINE=$LINE COMP_POINT=${#LINE}; _supervisorctl; echo "${COMPREPLY[@]}"`,
			"fish": `echo "$SCRIPT" | source; complete -C "$LINE"`,
		} {
			program, err := exec.LookPath(shell)
			if err != nil {
				t.Logf("%s is not installed", shell)
				continue
			}
			cmd := exec.Command(program, "-c", command)
			cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "SCRIPT="+completionScript(shell, table), "LINE=supervisorctl "+row.line)
			out, err := cmd.CombinedOutput()
			got := strings.Fields(regexp.MustCompile(`\t.*`).ReplaceAllString(string(out), ""))
			slices.Sort(got)
			want := row.want
			if shell == "fish" { // it adds the equals sign itself
				want = strings.TrimSuffix(want, "=")
			}
			if strings.Join(got, " ") != want || err != nil {
				t.Errorf("%s: %q: got %q, want %q, %v", shell, row.line, got, row.want, err)
			}
		}
	}
}

func TestCompletionScriptsAreWhole(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.conf")
	if err := os.WriteFile(broken, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, shell := range shells() {
		got := supervisorctl(t, "", "-c", broken, "completion", shell)
		if got.exit != 0 || got.errs != "" || strings.Contains(got.out, "EOF") {
			t.Errorf("%s: exit %d, %q", shell, got.exit, got.errs)
		}
		if rest := regexp.MustCompile(`@[A-Z_]+@`).FindString(got.out); rest != "" {
			t.Errorf("%s: %s is not filled in", shell, rest)
		}
		for _, v := range shown() {
			if !regexp.MustCompile(`\b` + v.name + `\b`).MatchString(got.out) {
				t.Errorf("%s: no %s", shell, v.name)
			}
			for _, f := range v.flags() {
				if !strings.Contains(got.out, "--"+f.name) && !strings.Contains(got.out, "-l "+f.name) {
					t.Errorf("%s: no --%s of %s", shell, f.name, v.name)
				}
			}
		}
	}
	for line, want := range map[string]outcomeOf{
		"completion":     {"Error: completion takes one of bash, fish, zsh\n", "", 2},
		"completion zhs": {"Error: completion takes one of bash, fish, zsh\n  did you mean zsh?\n", "", 2},
	} {
		if got := supervisorctl(t, "", line); got != want {
			t.Errorf("%s: got %+v", line, got)
		}
	}
}
