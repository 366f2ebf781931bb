package integration

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the table of README.md")

const promiseConf = `[unix_http_server]
file=/var/run/supervisor.sock
[supervisord]
nodaemon=true
logfile=/var/log/supervisor/supervisord.log
pidfile=/var/run/supervisord.pid
childlogdir=/var/log/supervisor
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///var/run/supervisor.sock
`

const (
	shown = "stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n"
	once  = "autorestart=false\nstartsecs=0\non_exit=shutdown\n"
	deaf  = `trap "" TERM; echo ready; while :; do sleep 1; done`
)

// promise is one line of the table: what is asked, with which configuration,
// what of it is seen, and what has to be. The same file is given to the original,
// which ignores the keys that it does not know; tini gets the command alone, or
// nothing where it makes no such promise.
type promise struct {
	id, asked, conf string
	options         []string
	args            []string // in the place of -c FILE
	tini            []string
	look            func(b *box) string
	want            string
}

// box is the container of one contender.
type box struct {
	*container
	ours, tini bool
}

// limit is how long something that should follow is waited for: of a peer
// nothing is required.
func (b *box) limit() time.Duration {
	if b.ours {
		return patience
	}
	return 6 * time.Second
}

// fate waits for the end of the container, from the moment on that the log has a text.
func (b *box) fate(after string) string {
	b.await(patience, func() bool {
		return b.over() || b.tini || strings.Contains(b.logs(), after)
	})
	if !b.await(b.limit(), b.over) {
		return "it runs on"
	}
	return "exit status " + b.inspect("{{.State.ExitCode}}")
}

func (b *box) over() bool { return b.inspect("{{.State.Status}}") == "exited" }

func (b *box) await(limit time.Duration, is func() bool) bool {
	for end := time.Now().Add(limit); !is(); pause(poll) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// says waits for a text in the log.
func (b *box) says(text string) bool {
	return b.await(patience, func() bool { return strings.Contains(b.logs(), text) || b.over() }) &&
		strings.Contains(b.logs(), text)
}

// after does what follows when the program is ready, or tells how the container ended.
func after(do func(b *box) string) func(*box) string {
	return func(b *box) string {
		if !b.says("ready") {
			return b.fate("")
		}
		return do(b)
	}
}

func (b *box) seen(limit time.Duration, yes, no string, is func() bool) string {
	if b.await(limit, is) {
		return yes
	}
	return no
}

var promises = []promise{
	{id: "code", asked: "The main program exits with 42 (`on_exit=shutdown`): so does the container",
		conf: "[program:main]\ncommand=/bin/sh -c 'exit 42'\n" + once, tini: []string{"/bin/sh", "-c", "exit 42"},
		look: func(b *box) string { return b.fate("exited: main") }, want: "exit status 42"},
	{id: "signal", asked: "A signal ends the main program: 128 and its number",
		conf: "[program:main]\ncommand=/bin/sh -c 'kill -SEGV $$'\n" + once, tini: []string{"/bin/sh", "-c", "kill -SEGV $$"},
		look: func(b *box) string { return b.fate("exited: main") }, want: "exit status 139"},
	{id: "fatal", asked: "A program that becomes FATAL ends the container (`on_fatal=shutdown`)",
		conf: "[program:main]\ncommand=/bin/sh -c 'exit 5'\nstartretries=0\non_fatal=shutdown\n",
		look: func(b *box) string { return b.fate("entered FATAL") }, want: "exit status 5"},
	{id: "profile", asked: "The same without a key, with `--container`",
		conf: "[program:main]\ncommand=/bin/sh -c 'exit 5'\nstartretries=0\n",
		args: []string{"-c", "/etc/promise/profile.conf", "--container"},
		look: func(b *box) string { return b.fate("entered FATAL") }, want: "exit status 5"},
	{id: "words", asked: "What a program wrote last, to a file, is in `docker logs`",
		conf: "[program:main]\ncommand=/bin/sh -c 'echo no database; exit 3'\nstdout_logfile=/var/log/main.log\n" + once,
		look: func(b *box) string {
			b.fate("exited: main")
			return b.seen(0, "there", "not there", func() bool { return strings.Contains("\n"+b.logs(), "\nno database\n") })
		}, want: "there"},
	{id: "term", asked: "TERM stops a program with it, and leaves 0",
		conf: "[program:main]\ncommand=/bin/testprog signals\n" + shown, tini: []string{"/bin/testprog", "signals"},
		look: after(func(b *box) string {
			b.docker(0, "stop", "-t", "60", b.id)
			return b.fate("bye after TERM")
		}), want: "exit status 0"},
	{id: "order", asked: "Several stop one after another, the last started first",
		conf: "[program:first]\ncommand=/bin/testprog signals\npriority=1\n[program:second]\ncommand=/bin/testprog signals\npriority=2\n" + shown,
		look: after(func(b *box) string {
			b.docker(0, "stop", "-t", "60", b.id)
			b.fate("stopped: first")
			return b.seen(0, "in order", "not in order", func() bool { return inOrder(b.logs(), "stopped: second", "stopped: first") })
		}), want: "in order"},
	{id: "zombies", asked: "500 orphans that end leave no zombie",
		conf: "[program:main]\ncommand=/bin/testprog orphans 500\n" + shown, tini: []string{"/bin/testprog", "orphans", "500"},
		look: func(b *box) string {
			b.says("orphans made 500")
			return b.seen(b.limit(), "none", "zombies", func() bool {
				return strings.TrimSpace(b.docker(0, "exec", b.id, "/bin/testprog", "zombies").out) == "0"
			})
		}, want: "none"},
	{id: "map", asked: "`docker kill -s USR1` reaches the program (`signal_map=USR1:main=USR1`)",
		conf: "[supervisord]\nsignal_map=USR1:main=USR1\n[program:main]\ncommand=/bin/testprog signals\n" + shown,
		tini: []string{"/bin/testprog", "signals"},
		look: after(func(b *box) string {
			b.docker(0, "kill", "-s", "USR1", b.id)
			return b.seen(b.limit(), "it got it", "it got nothing", func() bool { return strings.Contains(b.logs(), "got USR1") })
		}), want: "it got it"},
	{id: "init", asked: "One command without a configuration (`supervisord -- COMMAND`)",
		args: []string{"--", "/bin/sh", "-c", "exit 7"}, tini: []string{"/bin/sh", "-c", "exit 7"},
		look: func(b *box) string { return b.fate("") }, want: "exit status 7"},
	{id: "readonly", asked: "A read-only root, with the paths of Debian's file",
		conf: "[program:main]\ncommand=/bin/testprog signals\n" + shown, tini: []string{"/bin/testprog", "signals"},
		options: []string{"--read-only"}, look: after(running), want: "it runs"},
	{id: "uid", asked: "Any uid, without an entry in passwd and without capabilities (`logfile=/dev/null`)",
		conf: "[supervisord]\nlogfile=/dev/null\nlogfile_maxbytes=0\n[program:main]\ncommand=/bin/testprog signals\n" + shown, tini: []string{"/bin/testprog", "signals"},
		options: []string{"--user", "12345", "--cap-drop", "ALL"}, look: after(running), want: "it runs"},
	{id: "tree", asked: "What left its session dies with its program (`kill_scope=tree`)",
		conf: "[program:main]\ncommand=/bin/sh -c 'setsid sleep 4005 & exec /bin/testprog signals'\nkill_scope=tree\n" + shown,
		look: after(func(b *box) string {
			there := func() bool { return strings.Contains(b.docker(0, "exec", b.id, "/bin/ps").out, "sleep 4005") }
			b.await(patience, there)
			b.ctl("stop", "main")
			return b.seen(b.limit(), "it is gone", "it lives on", func() bool { return !there() })
		}), want: "it is gone"},
	{id: "budget", asked: "A deaf program is killed inside the grace period (`shutdown_timeout=2`)",
		conf: "[supervisord]\nshutdown_timeout=2\n[program:main]\ncommand=/bin/sh -c '" + deaf + "'\nstopwaitsecs=600\n" + shown,
		tini: []string{"/bin/sh", "-c", deaf},
		look: after(func(b *box) string {
			b.docker(0, "stop", "-t", "10", b.id)
			return b.fate("")
		}), want: "exit status 0"},
	{id: "command", asked: "A command of its own stops a program (`stop_command=`)",
		conf: "[program:main]\ncommand=/bin/testprog signals TERM\nstop_command=/bin/sh -c 'kill -QUIT $SUPERVISOR_PROCESS_PID'\nstopwaitsecs=2\n" + shown,
		look: after(func(b *box) string {
			b.ctl("stop", "main")
			return b.seen(0, "it was asked by it", "it got TERM", func() bool { return inOrder(b.logs(), "got QUIT", "bye after QUIT") })
		}), want: "it was asked by it"},
	{id: "reload", asked: "`supervisorctl reload main` has one program read its files again (`reload_signal=HUP`)",
		conf: "[program:main]\ncommand=/bin/testprog signals\nreload_signal=HUP\n" + shown,
		look: after(func(b *box) string {
			b.ctl("reload", "main")
			return b.seen(b.limit(), "it got HUP", "it got nothing", func() bool { return strings.Contains(b.logs(), "got HUP") })
		}), want: "it got HUP"},
	{id: "sidecar", asked: "A command with sidecars from a file: they end after it, the status is its own (`-c FILE -- COMMAND`)",
		conf: "[program:helper]\ncommand=/bin/testprog signals\n" + shown,
		args: []string{"-c", "/etc/promise/sidecar.conf", "--", "/bin/sh", "-c", "echo main; exit 9"},
		look: func(b *box) string {
			if end := b.fate("main"); end != "exit status 9" || !inOrder(b.logs(), "ready", "main\n", "bye after TERM") {
				return end
			}
			return "exit status 9, in order"
		}, want: "exit status 9, in order"},
	{id: "prefix", asked: "Each line in `docker logs` has its program's name (`log_format=prefix`)",
		conf: "[program:web]\ncommand=/bin/sh -c 'echo hello; exec sleep 1000'\nlog_format=prefix\n" + shown,
		look: func(b *box) string {
			b.says("hello\n")
			return b.seen(0, "named", "bare", func() bool { return strings.Contains("\n"+b.logs(), "\nweb | hello\n") })
		}, want: "named"},
	{id: "secret", asked: "A variable comes from a file, and nothing shows it (`env_from_file=SECRET=/etc/hostname`)",
		conf:    "[program:main]\ncommand=/bin/sh -c 'test \"$SECRET\" = \"$(cat /etc/hostname)\" && echo ready; exec sleep 1000'\nenv_from_file=SECRET=/etc/hostname\n" + shown,
		options: []string{"--hostname", "zebra"},
		look: func(b *box) string {
			if !b.await(b.limit(), func() bool { return strings.Contains(b.logs(), "ready") }) {
				return "it has none"
			}
			shown := b.docker(0, "exec", b.id, "/usr/bin/supervisord", "--print-config", "-c", b.conf).out
			return b.seen(0, "it has it", "it is shown", func() bool { return strings.Contains(shown, "***") && !strings.Contains(shown, "zebra") })
		}, want: "it has it"},
	{id: "limits", asked: "A limit and no new rights for one program (`rlimit_nofile=77`, `no_new_privs=true`)",
		conf: "[program:main]\ncommand=/bin/sh -c 'ulimit -n; grep NoNewPrivs /proc/self/status; echo ready; exec sleep 1000'\nrlimit_nofile=77\nno_new_privs=true\n" + shown,
		look: after(func(b *box) string {
			return b.seen(0, "both hold", "none holds", func() bool { return inOrder(b.logs(), "77\n", "NoNewPrivs:\t1\n") })
		}), want: "both hold"},
	{id: "again", asked: "A second TERM ends it at once",
		conf: "[program:main]\ncommand=/bin/sh -c '" + deaf + "'\nstopwaitsecs=600\n" + shown,
		tini: []string{"/bin/sh", "-c", deaf},
		look: after(func(b *box) string {
			b.docker(0, "kill", "-s", "TERM", b.id)
			b.await(b.limit(), func() bool { return b.tini || strings.Contains(b.logs(), "waiting for main to die") })
			pause(300 * time.Millisecond) // closer together they count as one
			b.docker(0, "kill", "-s", "TERM", b.id)
			return b.fate("")
		}), want: "exit status 0"},
}

// running is for programs that said they are: supervisorctl has to agree.
func running(b *box) string {
	return b.seen(b.limit(), "it runs", "supervisorctl cannot reach it", func() bool {
		return b.tini || strings.Contains(b.ctl("status", "main").out, "RUNNING")
	})
}

// TestPromises asks each of ours, and looks what others make of the same.
func TestPromises(t *testing.T) {
	oursOnly(t, "they are ours")
	confs := map[string]string{}
	for _, p := range promises {
		confs[p.id] = promiseConf + p.conf
	}
	needPromised(t, confs)
	seen := map[string]*[3]string{}
	for _, p := range promises {
		seen[p.id] = &[3]string{}
	}
	t.Run("rows", func(t *testing.T) {
		for _, p := range promises {
			for i, name := range []string{"original", "tini", "ours"} {
				t.Run(p.id+"/"+name, func(t *testing.T) {
					t.Parallel()
					got := p.run(t, i)
					seen[p.id][i] = got
					if i == 2 && got != p.want {
						t.Errorf("%s: %s, want %s", p.asked, got, p.want)
					}
				})
			}
		}
	})
	if !t.Failed() && !t.Skipped() {
		checkTable(t, seen)
	}
}

func (p promise) run(t *testing.T, contender int) string {
	if contender == 1 && p.tini == nil {
		return ""
	}
	img, entry, args := promised.theirs, "/usr/bin/supervisord", p.args
	if args == nil {
		args = []string{"-c", "/etc/promise/" + p.id + ".conf"}
	}
	switch contender {
	case 1:
		entry, args = "/bin/tini", append([]string{"--"}, p.tini...)
	case 2:
		img = promised.ours
	}
	b := &box{createOf(t, img, append([]string{"--entrypoint", entry}, p.options...), args...), contender == 2, contender == 1}
	b.conf = "/etc/promise/" + p.id + ".conf"
	b.docker(0, "start", b.id)
	return p.look(b)
}

// checkTable compares the document's table with what was seen. The peers' cells
// depend on their versions and on how quick they are, and are only told of.
func checkTable(t *testing.T, seen map[string]*[3]string) {
	const file = "../README.md"
	const begin, end = "<!-- measured -->\n", "<!-- end -->\n"
	text := readFile(t, file)
	head, rest, ok := strings.Cut(text, begin)
	table, foot, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has not the marks of its table", file)
	}
	lines := []string{"| What is asked | What has to be seen | Supervisor 4.2.5 | tini 0.19 | ours |", "|---|---|---|---|---|"}
	for _, p := range promises {
		var cells [3]string
		for i, got := range seen[p.id] {
			switch got {
			case "":
				if i == 2 {
					return // only some rows were asked for
				}
				cells[i] = "–"
			case p.want:
				cells[i] = "yes"
			default:
				cells[i] = "no: " + got
			}
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s |", p.asked, p.want, cells[0], cells[1], cells[2]))
	}
	if *update {
		if err := os.WriteFile(file, []byte(head+begin+strings.Join(lines, "\n")+"\n"+end+foot), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	was := strings.Split(strings.TrimSpace(table), "\n")
	if len(was) != len(lines) {
		t.Fatalf("%s has %d lines, want %d: run with -update", file, len(was), len(lines))
	}
	for i, line := range lines {
		if line == was[i] {
			continue
		}
		old, now := strings.Split(was[i], " | "), strings.Split(line, " | ")
		if len(old) != 5 || old[0] != now[0] || old[1] != now[1] || old[4] != now[4] {
			t.Errorf("%s has\n%s\nwant\n%s\nrun with -update", file, was[i], line)
			continue
		}
		t.Logf("a peer did otherwise than %s has it:\n%s", file, line)
	}
}
