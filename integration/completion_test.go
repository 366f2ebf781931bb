package integration

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// completed is a configuration with names of every form.
const completed = `[program:web]
command=TESTPROG signals
[program:worker]
command=TESTPROG signals
numprocs=2
process_name=one%(process_num)d
[program:odd]
command=TESTPROG signals
process_name=a$(>hacked)
[program:späti]
command=TESTPROG signals
`

// wordsOf are words that completion offers after a line, and some that it does
// not.
var wordsOf = []struct {
	line       string // behind supervisorctl -c FILE
	want, miss string
}{
	{"sta", "start status", "stop"},
	{"", "add completion help status version", "EOF __names"},
	{"start w", "web worker:one0 worker:one1 worker:*", "späti"},
	{"stop worker:", "worker:one0 worker:one1 worker:*", "web"},
	{"restart web sp", "späti", "web"},
	{"update w", "web worker", "worker:one0"},
	{"signal ", "HUP TERM", "web"},
	{"signal HUP we", "web", "HUP"},
	{"tail -", "-f --json", "--timeout"},
	{"tail -f we", "web", ""},
	{"reread --", "--diff --json --timeout", "--dry-run"},
	{"start --timeout 5 we", "web", "worker"},
	{"start --timeout ", "", "web start"},
	{"start -- we", "web", ""},
	{"help ver", "version", "avail"},
	{"completion ", "bash fish zsh", "web"},
	{"version ", "", "web version"},
	{"nosuch ", "", "web start"},
}

func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no completion")
	bash := needProgram(t, "bash")
	s := newSup(t, completed).start()
	s.waitPID("web")
	// Bash cuts words at colons, and wants only what follows the last one.
	const driver = `source <("$1" completion bash) || exit 9
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
COMP_LINE=$2 COMP_POINT=${#2}
_supervisorctl
for word in "${COMPREPLY[@]}"; do printf '%s\n' "$word"; done
`
	complete := func(line string) []string {
		cmd := exec.Command(bash, "--norc", "-c", driver, "bash", program("supervisorctl"), line)
		cmd.Dir = s.dir
		r := runCommand(t, cmd)
		if r.code != 0 || r.err != "" {
			t.Errorf("%q: exit status %d, %s", line, r.code, r.err)
		}
		return strings.Fields(r.out)
	}
	for _, row := range wordsOf {
		got := complete(program("supervisorctl") + " -c " + s.conf + " " + row.line)
		_, behind, cut := strings.Cut(row.line, ":")
		for _, word := range strings.Fields(row.want) {
			if cut {
				_, word, _ = strings.Cut(word, ":")
				word = strings.TrimPrefix(word, behind)
			}
			if !slices.Contains(got, word) && !slices.Contains(got, word+"=") {
				t.Errorf("%q: got %q without %s", row.line, got, word)
			}
		}
		for _, word := range strings.Fields(row.miss) {
			if slices.Contains(got, word) {
				t.Errorf("%q: got %q with %s", row.line, got, word)
			}
		}
	}
	// A name is never executed: it comes quoted.
	if got := complete(program("supervisorctl") + " -c " + s.conf + " stop odd:"); !slices.Contains(got, `a\$\(\>hacked\)`) {
		t.Errorf("a name with a command in it: got %q", got)
	}
	if _, err := os.Stat(s.path("hacked")); err == nil {
		t.Error("the name was executed")
	}
	for _, line := range []string{"supervisorctl -", "supervisorctl --s"} {
		if got := complete(line); !slices.Contains(got, "--serverurl") {
			t.Errorf("%q: got %q", line, got)
		}
	}
	if got := complete(program("supervisorctl") + " -s unix:///no/such stop "); len(got) != 0 {
		t.Errorf("no server: got %q", got)
	}
	if got := complete(program("supervisorctl") + " -c /no/such stop "); len(got) != 0 {
		t.Errorf("no configuration: got %q", got)
	}
}

// typed are keys at a shell's prompt and what its line is then.
var typed = []struct{ keys, want string }{
	{"vers\t", "version"},
	{"stop worker:one\t1", "stop worker:one1"},
	{"start we\tworker:\tone0 ", "start web worker:one0"},
	{"signal US\t", "signal USR"},
	{"reread --di\t", "reread --diff"},
	{"status --tim\t5 we\t", "status --timeout=5 web"},
	{"restart sp\t", "restart späti"},
}

// promptOfBash is a bash that completes, and shows its line at the keys ^X s.
func promptOfBash(t *testing.T) *screen {
	t.Helper()
	v := onTerminal(t, []string{"PS1=$ ", "INPUTRC=/dev/null"}, needProgram(t, "bash"), "--norc", "--noprofile", "-i")
	v.typeIn("source <(supervisorctl completion bash)\r")
	v.typeIn(`bind -x '"\C-xs": printf "<%s>\n" "$READLINE_LINE"; READLINE_LINE='` + "\r")
	v.typeIn("echo loa\"\"ded\r")
	v.expect("loaded")
	return v
}

// promptOfZsh is the same of zsh.
func promptOfZsh(t *testing.T, s *sup) *screen {
	t.Helper()
	v := onTerminal(t, []string{"PS1=$ ", "HOME=" + s.dir, "ZDOTDIR=" + s.dir}, needProgram(t, "zsh"), "-f", "-i")
	v.typeIn("unsetopt zle_bracketed_paste; unset zle_bracketed_paste; autoload -Uz compinit; compinit -u -D\r")
	v.typeIn("source <(supervisorctl completion zsh)\r")
	v.typeIn(`show() { zle -I; print -r -- "<$BUFFER>"; BUFFER= }; zle -N show; bindkey '^Xs' show` + "\r")
	v.typeIn("echo loa\"\"ded\r")
	v.expect("loaded")
	return v
}

func TestCompletionAtThePromptOfBash(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no completion")
	s := newSup(t, completed).start()
	s.waitPID("web")
	v := promptOfBash(t)
	v.completes(s, typed)
}

func TestCompletionAtThePromptOfZsh(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no completion")
	s := newSup(t, completed).start()
	s.waitPID("web")
	v := promptOfZsh(t, s)
	v.completes(s, typed)
}

// completes types lines and looks at what Tab made of them, which a key shows
// that the test has bound.
func (v *screen) completes(s *sup, rows []struct{ keys, want string }) {
	v.t.Helper()
	for _, row := range rows {
		line := "supervisorctl -c " + s.conf + " "
		v.typeIn(line + row.keys + "\x18s")
		from := v.at
		v.expect("<", ">")
		shown := v.shown.String()[from:v.at]
		got := strings.TrimSpace(shown[strings.LastIndex(shown, "<")+1 : len(shown)-1])
		got = strings.Join(strings.Fields(strings.TrimPrefix(got, line)), " ")
		if got != row.want {
			v.t.Errorf("%q: got %q, want %q", row.keys, got, row.want)
		}
	}
}

func TestCompletionInFish(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no completion")
	fish := needProgram(t, "fish")
	s := newSup(t, completed).start()
	s.waitPID("web")
	for _, row := range wordsOf {
		cmd := exec.Command(fish, "--no-config", "-c", `$argv[1] completion fish | source; complete -C "$argv[2]"`,
			program("supervisorctl"), program("supervisorctl")+" -c "+s.conf+" "+row.line)
		cmd.Env = append(cmd.Environ(), "LC_ALL=C.UTF-8", "HOME="+s.dir)
		r := runCommand(t, cmd)
		if r.code != 0 || r.err != "" {
			t.Errorf("%q: exit status %d, %s", row.line, r.code, r.err)
		}
		var got []string
		for line := range strings.Lines(r.out) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			got = append(got, strings.TrimSuffix(word, "="))
		}
		for _, word := range strings.Fields(row.want) {
			if !slices.Contains(got, word) {
				t.Errorf("%q: got %q without %s", row.line, got, word)
			}
		}
		for _, word := range strings.Fields(row.miss) {
			if slices.Contains(got, word) {
				t.Errorf("%q: got %q with %s", row.line, got, word)
			}
		}
	}
}

// hostileNames are names that a shell would make something else of, each with a
// letter of its own at its beginning.
var hostileNames = []string{
	"a$(>hacked)", "b`>hacked`", "c;>hacked", "d&>hacked", "e|>hacked", "f>hacked", `g'"`, `h\`, "i*?[i]", "j{x,y}", "k$HOME", "l!!", "m~", "n#", "o(o)", "p=p", "q<p>",
	"r\"$(>hacked)\"", "s'$(>hacked)'", "t\\$(>hacked)", "u^u", "v%%v", "w@w,", "ä€",
}

func hostilePrograms() string {
	var text strings.Builder
	for i, name := range hostileNames {
		fmt.Fprintf(&text, "[program:p%d]\ncommand=/bin/cat\nprocess_name=%s\n", i, strings.ReplaceAll(name, "%", "%%"))
	}
	text.WriteString("[group:g]\nprograms=p0")
	for i := 1; i < len(hostileNames); i++ {
		fmt.Fprintf(&text, ",p%d", i)
	}
	return text.String() + "\n"
}

// completesHostileNames has each of the names completed from its beginning, and
// what came of it run: it must be that name, and nothing else.
func (v *screen) completesHostileNames(s *sup, run string) {
	v.t.Helper()
	for _, name := range hostileNames {
		first := string([]rune(name)[:1])
		want := strings.TrimSpace(s.ctl("pid", "g:"+name).out)
		if n, err := strconv.Atoi(want); err != nil || n < 2 {
			v.t.Errorf("pid of g:%s: %q", name, want)
			continue
		}
		v.typeIn("supervisorctl -c " + s.conf + " pid g:" + first + "\t" + run)
		v.expect("/c.conf", want)
	}
	if _, err := os.Stat(s.path("hacked")); err == nil {
		v.t.Error("a name was executed")
	}
	if _, err := os.Stat("hacked"); err == nil {
		v.t.Error("a name was executed")
	}
}

func TestHostileNamesAtThePromptOfBash(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no completion")
	s := newSup(t, hostilePrograms()).start()
	s.waitPID("g:" + hostileNames[len(hostileNames)-1])
	promptOfBash(t).completesHostileNames(s, "\r")
}

func TestHostileNamesAtThePromptOfZsh(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no completion")
	s := newSup(t, hostilePrograms()).start()
	s.waitPID("g:" + hostileNames[len(hostileNames)-1])
	promptOfZsh(t, s).completesHostileNames(s, "\r")
}

func TestHostileNamesAtThePromptOfFish(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no completion")
	s := newSup(t, hostilePrograms()).start()
	s.waitPID("g:" + hostileNames[len(hostileNames)-1])
	v := onTerminal(t, []string{"HOME=" + s.dir}, needProgram(t, "fish"), "--no-config", "-i")
	v.typeIn("supervisorctl completion fish | source; echo loa\"\"ded\r")
	v.expect("loaded")
	v.completesHostileNames(s, "\r")
}
