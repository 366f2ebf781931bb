package child_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/proc/child"
)

func number64(n int) *int { return &n }

func resource(name string, soft, hard int64) conf.ResourceLimit {
	return conf.ResourceLimit{Name: name, Soft: soft, Hard: hard}
}

// limited runs /bin/sh with limits and returns what it says.
func limited(t *testing.T, r *rig, script string, cred *child.Credential, l conf.Limits) result {
	t.Helper()
	spec := command("/bin/sh", "-c", script)
	spec.Cred, spec.Limits = cred, &l
	return r.run(t, spec)
}

func asNobody() *child.Credential {
	return &child.Credential{UID: nobody, GID: nobody, Groups: []int{nobody}}
}

func TestResourcesAreLimited(t *testing.T) {
	const none, keep = conf.Unlimited, conf.KeepLimit
	var open unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &open); err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	for _, row := range []struct {
		name   string
		limits []conf.ResourceLimit
		script string
		want   string
	}{
		{"both of one", []conf.ResourceLimit{resource("nofile", 100, 100)}, "ulimit -Sn; ulimit -Hn", "100 100"},
		{"soft and hard", []conf.ResourceLimit{resource("nofile", 100, 200)}, "ulimit -Sn; ulimit -Hn", "100 200"},
		{"the soft one alone", []conf.ResourceLimit{resource("nofile", 100, keep)}, "ulimit -Sn; ulimit -Hn", fmt.Sprint("100 ", open.Max)},
		{"the hard one alone, below the soft one", []conf.ResourceLimit{resource("core", keep, 0)}, "ulimit -Sc; ulimit -Hc", "0 0"},
		{"no limit", []conf.ResourceLimit{resource("core", 0, none)}, "ulimit -Sc; ulimit -Hc", "0 unlimited"},
		{"memory that is less than we take ourselves", []conf.ResourceLimit{resource("as", 64<<20, 64<<20), resource("data", 32<<20, 32<<20)},
			"ulimit -v; ulimit -d", "65536 32768"},
		{"the rest as it was", []conf.ResourceLimit{resource("cpu", 77, 99)}, "ulimit -t; ulimit -Ht; ulimit -Sn", "77 99 INHERITED"},
		{"many", []conf.ResourceLimit{resource("fsize", 1<<20, 1<<20), resource("memlock", 1<<16, 1<<16), resource("nproc", 500, 500), resource("stack", 4<<20, 8<<20)},
			"ulimit -f; ulimit -l; ulimit -p 2>/dev/null || ulimit -u; ulimit -s; ulimit -Hs", "2048 64 500 4096 8192"},
	} {
		for name, cred := range map[string]*child.Credential{"as root": nil, "as nobody": asNobody()} {
			t.Run(row.name+" "+name, func(t *testing.T) {
				inherited := strings.TrimSpace(r.run(t, command("/bin/sh", "-c", "ulimit -Sn")).out)
				got := limited(t, r, row.script, cred, conf.Limits{Resources: row.limits})
				want := strings.Replace(row.want, "INHERITED", inherited, 1)
				if words := strings.Join(strings.Fields(got.out), " "); words != want || got.report.Warnings != nil {
					t.Errorf("got %q (%s, %+v), want %q", words, got.err, got.report, want)
				}
			})
		}
	}
}

// Every name of a resource is one that the kernel knows, and its own.
func TestEveryResourceHasItsNumber(t *testing.T) {
	labels := map[string]string{
		"as": "Max address space", "core": "Max core file size", "cpu": "Max cpu time", "data": "Max data size", "fsize": "Max file size",
		"locks": "Max file locks", "memlock": "Max locked memory", "msgqueue": "Max msgqueue size", "nice": "Max nice priority", "nofile": "Max open files",
		"nproc": "Max processes", "rss": "Max resident set", "rtprio": "Max realtime priority", "rttime": "Max realtime timeout", "sigpending": "Max pending signals",
		"stack": "Max stack size",
	}
	var l conf.Limits
	for i, res := range conf.Resources {
		soft := int64(1<<30 + 4096*i) // enough of everything for cat
		switch res.Name {
		case "nofile", "nproc":
			soft = int64(100 + i)
		case "nice", "rtprio", "msgqueue", "memlock", "sigpending":
			soft = 0
		}
		l.Resources = append(l.Resources, conf.ResourceLimit{Name: res.Name, Soft: soft, Hard: conf.KeepLimit})
	}
	spec := command("/bin/cat", "/proc/self/limits")
	spec.Limits = &l
	got := newRig(t).run(t, spec)
	for _, r := range l.Resources {
		label := labels[r.Name]
		i := strings.Index(got.out, label)
		if i < 0 || label == "" {
			t.Errorf("%s: no line in\n%s", r.Name, got.out)
			continue
		}
		if words := strings.Fields(got.out[i+len(label):]); words[0] != fmt.Sprint(r.Soft) {
			t.Errorf("%s is %s, want %d (%+v)", r.Name, words[0], r.Soft, got.report)
		}
	}
}

func TestSchedulingIsSet(t *testing.T) {
	r := newRig(t)
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpus); err != nil {
		t.Fatal(err)
	}
	one := 0
	for !cpus.IsSet(one) {
		one++
	}
	l := conf.Limits{Nice: number64(7), OOMScoreAdj: number64(333), CPUs: []int{one}}
	got := limited(t, r, "nice; cat /proc/self/oom_score_adj; grep Cpus_allowed_list /proc/self/status", asNobody(), l)
	if words, want := strings.Join(strings.Fields(got.out), " "), fmt.Sprintf("7 333 Cpus_allowed_list: %d", one); words != want || got.report.Warnings != nil {
		t.Errorf("got %q (%s, %+v), want %q", words, got.err, got.report, want)
	}
	if got := limited(t, r, "nice", asNobody(), conf.Limits{Nice: number64(-5)}); got.out != "-5\n" {
		t.Errorf("got nice %q (%+v)", got.out, got.report)
	}
}

func TestCapabilitiesAreTheOnlyOnes(t *testing.T) {
	r := newRig(t)
	const fields5 = "CapInh %[1]s; CapPrm %[1]s; CapEff %[1]s; CapBnd %[1]s; CapAmb %[1]s"
	for _, row := range []struct {
		name  string
		cred  *child.Credential
		names []string
		want  string
	}{
		{"none for root", nil, []string{}, "0000000000000000"},
		{"none for nobody", asNobody(), []string{}, "0000000000000000"},
		{"some for root", nil, []string{"CHOWN", "NET_BIND_SERVICE"}, "0000000000000401"},
		{"some for nobody", asNobody(), []string{"CHOWN", "NET_BIND_SERVICE"}, "0000000000000401"},
		{"one of the upper half", asNobody(), []string{"WAKE_ALARM"}, "0000000800000000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := command("/bin/cat", "/proc/self/status")
			spec.Cred, spec.Limits = row.cred, &conf.Limits{Capabilities: row.names}
			got := r.run(t, spec)
			want := fmt.Sprintf(fields5, row.want)
			if caps := fields(got.out, "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"); caps != want || got.report.Warnings != nil {
				t.Errorf("got  %s (%s, %+v)\nwant %s", caps, got.err, got.report, want)
			}
		})
	}
	t.Run("they do what they say", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.Chmod(filepath.Dir(filepath.Dir(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		script := "chown 7 " + file + " && echo done"
		if got := limited(t, r, script, asNobody(), conf.Limits{Capabilities: []string{"CHOWN"}}); got.out != "done\n" {
			t.Errorf("with CHOWN: %s", got.err)
		}
		if got := limited(t, r, script, nil, conf.Limits{Capabilities: []string{"NET_RAW"}}); got.out != "" {
			t.Error("root without CHOWN has done it")
		}
	})
}

func TestNoNewPrivileges(t *testing.T) {
	r := newRig(t)
	for _, want := range []bool{false, true} {
		spec := command("/bin/cat", "/proc/self/status")
		spec.Cred, spec.Limits = asNobody(), &conf.Limits{NoNewPrivs: want, Nice: number64(1)}
		got := r.run(t, spec)
		if line, want := fields(got.out, "NoNewPrivs"), map[bool]string{false: "NoNewPrivs 0", true: "NoNewPrivs 1"}[want]; line != want {
			t.Errorf("got %q, want %q", line, want)
		}
	}
}

// TestTheDeathOfTheDaemonIsASignal kills a host and looks of what its child dies.
func TestTheDeathOfTheDaemonIsASignal(t *testing.T) {
	if err := child.Subreaper(); err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	for name, uid := range map[string]int{"the same user": -1, "another user": nobody} {
		t.Run(name, func(t *testing.T) {
			outR, outW := pipe(t)
			spec := as(t, "dying-host", fmt.Sprint(uid))
			spec.Stdout, spec.Close = outW, []child.File{outW}
			host := r.start(spec)
			var pid int
			if _, err := fmt.Fscanln(outR, &pid); err != nil {
				t.Fatal(err)
			}
			outR.Close()
			r.Signal(host, syscall.SIGKILL, false)
			// Either may be reaped first, and neither is to be left to the next test.
			for exited, orphaned := false, false; !exited || !orphaned; {
				e := r.next(t)
				exited = exited || e.what == "exited" && e.key == host
				if e.what != "orphan" || e.pid != pid {
					continue
				}
				orphaned = true
				if !e.ws.Signaled() || e.ws.Signal() != syscall.SIGUSR1 {
					t.Errorf("the child of the dead host ended so: %v", e)
				}
			}
		})
	}
}

// wire writes limits as an argument of a role.
func wire(l conf.Limits) (string, error) {
	text, err := json.Marshal(l)
	return string(text), err
}

func TestWhatCannotBeSetIsToldOrRefused(t *testing.T) {
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &core); err != nil {
		t.Fatal(err)
	}
	more := int64(core.Max) + 1
	rows := []struct {
		name   string
		limits conf.Limits
		want   string
	}{
		{"a hard limit", conf.Limits{Resources: []conf.ResourceLimit{resource("nofile", 50, more)}},
			fmt.Sprintf("cannot set rlimit_nofile=50:%d: the hard limit stays %d: operation not permitted", more, core.Max)},
		{"a soft limit above the hard one", conf.Limits{Resources: []conf.ResourceLimit{resource("nofile", more, conf.KeepLimit)}},
			fmt.Sprintf("cannot set rlimit_nofile=%d:: the hard limit is %d", more, core.Max)},
		{"priority", conf.Limits{Nice: number64(-1)}, "cannot set nice=-1: permission denied"},
		{"a score", conf.Limits{OOMScoreAdj: number64(-1000)}, "cannot set oom_score_adj=-1000: /proc/self/oom_score_adj: permission denied"},
		{"processors", conf.Limits{CPUs: []int{1023}}, "cannot set cpu_affinity: none of these processors is there, or allowed here"},
		{"capabilities", conf.Limits{Capabilities: []string{"CHOWN", "WAKE_ALARM"}, NoNewPrivs: true}, "cannot set capabilities: supervisord does not have CHOWN,WAKE_ALARM itself"},
		{"what programs may get", conf.Limits{Capabilities: []string{}},
			"cannot set capabilities: what a program may get stays as it is: operation not permitted (no_new_privs=true keeps it from more, too)"},
	}
	r := newRig(t)
	for _, row := range rows {
		for _, strict := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, strict %v", row.name, strict), func(t *testing.T) {
				row.limits.Strict = strict
				text, err := wire(row.limits)
				if err != nil {
					t.Fatal(err)
				}
				got := r.run(t, as(t, "nobody-limits", text, "/bin/echo", "runs"))
				// The host and its child write as they like, so the order is not told.
				want, stderr := "runs\nwarned: "+row.want+"\n", ""
				if strict {
					want = "refused: " + row.want + " (limits_strict=true)\n"
					stderr = "supervisor: couldn't set " + strings.TrimPrefix(row.want, "cannot set ") + "\nsupervisor: child process was not spawned\n"
				}
				lines := strings.SplitAfter(got.out, "\n")
				slices.Sort(lines)
				if got.out = strings.Join(lines, ""); got.out != want || got.err != stderr {
					t.Errorf("got  %q, %q\nwant %q, %q", got.out, got.err, want, stderr)
				}
			})
		}
	}
	t.Run("as much as can be had", func(t *testing.T) {
		text, err := wire(conf.Limits{Resources: []conf.ResourceLimit{resource("nofile", more, more)}})
		if err != nil {
			t.Fatal(err)
		}
		got := r.run(t, as(t, "nobody-limits", text, "/bin/sh", "-c", "ulimit -Sn; ulimit -Hn"))
		// The host may say that it was not all in between.
		want, lines := fmt.Sprint(core.Max), 0
		for line := range strings.Lines(got.out) {
			if strings.TrimSpace(line) == want {
				lines++
			}
		}
		if lines != 2 {
			t.Errorf("got %q, want two lines %s in it", got.out, want)
		}
	})
}

// A program that cannot be executed says so under a limit on memory, too.
func TestAFailureUnderALimitIsReported(t *testing.T) {
	spec := command(script(t, "nointerp", "#!/nonexistent/interpreter\n"))
	spec.Limits = &conf.Limits{Resources: []conf.ResourceLimit{resource("as", 1<<20, 1<<20), resource("nofile", 20, 20)}}
	spec.Env = slices.Repeat([]string{"A=" + strings.Repeat("x", 1<<14)}, 50)
	got := newRig(t).run(t, spec)
	if want := "supervisor: couldn't exec " + spec.Path + ": ENOENT\nsupervisor: child process was not spawned\n"; got.err != want || child.ExitCode(got.ws) != 127 {
		t.Errorf("got %q, %s", got.err, child.ExitText(got.ws))
	}
}
