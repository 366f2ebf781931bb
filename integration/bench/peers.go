package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Names as they stand in the table.
const (
	ours     = "ours"
	original = "original"
	s6       = "s6"
	runit    = "runit"
	tini     = "tini"
	dumbInit = "dumb-init"
	limit    = "limit"
)

var (
	supervisors = []string{ours, original, s6, runit}
	servers     = []string{ours, original} // those with supervisorctl
)

// peer is one of those that are compared.
type peer struct {
	name    string
	version string
	missing string            // why it is skipped
	tools   map[string]string // its programs, by name
	start   func(b *bench, p *peer, dir string, progs []program) (*running, error)
}

// program is what a supervisor is to run.
type program struct {
	name string
	argv []string
	logs int // 0, 1 (stdout) or 2
	keys string
}

// findPeers looks for all of them; which packages they are from is Debian's naming.
func findPeers(b *bench) []*peer {
	all := []*peer{
		{name: ours, start: startSupervisord},
		{name: original, start: startSupervisord},
		{name: s6, start: startS6},
		{name: runit, start: startRunit},
		{name: tini},
		{name: dumbInit},
	}
	need := map[string][]string{
		original: {"supervisord", "supervisorctl"},
		s6:       {"s6-svscan", "s6-supervise", "s6-log"},
		runit:    {"runsvdir", "runsv", "svlogd", "sv"},
		tini:     {"tini"},
		dumbInit: {"dumb-init"},
	}
	packages := map[string]string{original: "supervisor", s6: "s6", runit: "runit", tini: "tini", dumbInit: "dumb-init"}
	for _, p := range all {
		p.tools = map[string]string{}
		if p.name == ours {
			for _, tool := range []string{"supervisord", "supervisorctl"} {
				p.tools[tool] = filepath.Join(b.bin, tool)
			}
			out, err := exec.Command(p.tools["supervisord"], "--version").Output()
			p.version = strings.TrimSpace(string(out))
			if err != nil {
				p.missing = err.Error()
			}
			continue
		}
		for _, tool := range need[p.name] {
			// Not by PATH, where ours may stand first.
			path := filepath.Join("/usr/bin", tool)
			if _, err := os.Stat(path); err != nil {
				p.missing = err.Error()
			}
			p.tools[tool] = path
		}
		if p.missing == "" {
			out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", packages[p.name]).Output()
			p.version = packages[p.name] + " " + string(out)
			if err != nil {
				p.version = packages[p.name] + ", of unknown version"
			}
		}
	}
	return all
}

// alive is n programs that note that they live and wait to be ended.
func (b *bench) alive(dir string, n, logs int, keys string) []program {
	progs := make([]program, n)
	for i := range progs {
		progs[i] = program{fmt.Sprintf("p%05d", i), []string{b.limit, "alive", dir + "/notes"}, logs, keys}
	}
	return progs
}

// up starts a supervisor with n such programs and waits until all live.
func (b *bench) up(p *peer, n, logs int, keys string) (*running, []note, error) {
	dir, err := b.folder()
	if err != nil {
		return nil, nil, err
	}
	r, err := p.start(b, p, dir, b.alive(dir, n, logs, keys))
	if err != nil {
		return nil, nil, err
	}
	all, err := await(dir+"/notes", n)
	if err != nil {
		out, _ := os.ReadFile(dir + "/out")
		return nil, nil, fmt.Errorf("%w; it said %.300q", err, out)
	}
	return r, all, nil
}

// configure writes a supervisord.conf for programs.
func (b *bench) configure(dir string, progs []program) (conf, sock string, err error) {
	conf, sock = dir+"/supervisord.conf", dir+"/s.sock"
	var w strings.Builder
	fmt.Fprintf(&w, `[unix_http_server]
file=%[1]s/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%[1]s/s.sock
[supervisord]
nodaemon=true
logfile=%[1]s/s.log
pidfile=%[1]s/s.pid
childlogdir=%[1]s
minfds=%[2]d
minprocs=200
`, dir, min(b.files, 65536))
	for _, p := range progs {
		fmt.Fprintf(&w, "[program:%s]\ncommand=%s\nautorestart=true\n%s", p.name, strings.Join(p.argv, " "), p.keys)
		if !strings.Contains(p.keys, "startsecs") {
			// The default of a second says when a start is good, not when the program lives.
			w.WriteString("startsecs=0\n")
		}
		for i, channel := range []string{"stdout", "stderr"} {
			if i < p.logs {
				fmt.Fprintf(&w, "%s_logfile=%s/%s.%s\n", channel, dir, p.name, channel)
			} else {
				fmt.Fprintf(&w, "%s_logfile=NONE\n", channel)
			}
		}
	}
	return conf, sock, os.WriteFile(conf, []byte(w.String()), 0o644)
}

func startSupervisord(b *bench, p *peer, dir string, progs []program) (*running, error) {
	conf, sock, err := b.configure(dir, progs)
	if err != nil {
		return nil, err
	}
	r, err := launch(dir, []string{p.tools["supervisord"], "-n", "-c", conf}, nil)
	if err != nil {
		return nil, err
	}
	r.conf, r.sock, r.peer = conf, sock, p
	return r, nil
}

// services writes directories with run scripts. There is no shell in them: the
// first line names the program, whose task and file are one word.
func (b *bench) services(dir string, progs []program, logger string) (string, error) {
	scan := dir + "/scan"
	for _, p := range progs {
		d := filepath.Join(scan, p.name)
		if err := os.MkdirAll(d, 0o755); err != nil {
			return "", err
		}
		run := fmt.Sprintf("#!%s %s:%s\n", p.argv[0], p.argv[1], p.argv[2])
		if len(p.argv) > 3 {
			run = "#!/bin/sh\nexec " + strings.Join(p.argv, " ") + "\n"
		}
		if err := os.WriteFile(d+"/run", []byte(run), 0o755); err != nil {
			return "", err
		}
		if p.logs == 0 {
			continue
		}
		if err := os.MkdirAll(d+"/log/main", 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(d+"/log/run", []byte("#!/bin/sh\nexec "+logger+"\n"), 0o755); err != nil {
			return "", err
		}
	}
	// runsvdir waits for the end of the second in which a directory was changed.
	old := time.Now().Add(-time.Minute)
	return scan, os.Chtimes(scan, old, old)
}

func startS6(b *bench, p *peer, dir string, progs []program) (*running, error) {
	scan, err := b.services(dir, progs, p.tools["s6-log"]+" n30 s52428800 ./main")
	if err != nil {
		return nil, err
	}
	r, err := launch(dir, []string{p.tools["s6-svscan"], "-c", fmt.Sprint(2*len(progs) + 10), scan}, nil)
	if err == nil {
		r.peer = p
	}
	return r, err
}

func startRunit(b *bench, p *peer, dir string, progs []program) (*running, error) {
	scan, err := b.services(dir, progs, p.tools["svlogd"]+" ./main")
	if err != nil {
		return nil, err
	}
	r, err := launch(dir, []string{p.tools["runsvdir"], scan}, nil)
	if err == nil {
		r.peer, r.stop = p, syscall.SIGHUP // a TERM would leave the programs to themselves
	}
	return r, err
}

// spawnLoop is the limit of a start; its task is one of those of limit.c.
func (b *bench) spawnLoop(task string, n int) (*running, []note, error) {
	dir, err := b.folder()
	if err != nil {
		return nil, nil, err
	}
	r, err := launch(dir, []string{b.limit, task, fmt.Sprint(n), b.limit, "alive", dir + "/notes"}, nil)
	if err != nil {
		return nil, nil, err
	}
	all, err := await(dir+"/notes", n)
	return r, all, err
}

// ctl runs supervisorctl.
func (r *running) ctl(args ...string) (string, error) {
	cmd := exec.Command(r.peer.tools["supervisorctl"], slices.Concat([]string{"-c", r.conf}, args)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("supervisorctl %s: %w: %.300q", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
