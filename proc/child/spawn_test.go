package child_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gosupervisor/proc/child"
)

// nobody is a user without privileges; it need not be in the user database.
const nobody = 65534

// script writes an executable file.
func script(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAFailureInTheChildIsReportedOnItsStderr(t *testing.T) {
	noInterpreter := script(t, "nointerp", "#!/nonexistent/interpreter\n")
	noFormat := script(t, "noformat", "echo never\n")
	noPermission := script(t, "noexec", "#!/bin/sh\n")
	if err := os.Chmod(noPermission, 0o600); err != nil {
		t.Fatal(err)
	}
	secret := t.TempDir()
	if err := os.Chmod(secret, 0o700); err != nil {
		t.Fatal(err)
	}
	asNobody := &child.Credential{UID: nobody, GID: nobody, Groups: []int{nobody}}
	for _, row := range []struct {
		name string
		spec child.Spec
		want string
	}{
		{"no directory", child.Spec{Path: "/bin/true", Argv: []string{"true"}, Dir: "/nonexistent"},
			"couldn't chdir to /nonexistent: ENOENT"},
		{"a file as directory", child.Spec{Path: "/bin/true", Argv: []string{"true"}, Dir: "/etc/passwd"},
			"couldn't chdir to /etc/passwd: ENOTDIR"},
		{"a directory that only the user may not enter", child.Spec{Path: "/bin/true", Argv: []string{"true"}, Dir: secret, Cred: asNobody},
			"couldn't chdir to " + secret + ": EACCES"},
		{"a script whose interpreter is missing", child.Spec{Path: noInterpreter, Argv: []string{"nointerp", "a"}},
			"couldn't exec nointerp: ENOENT"},
		{"a script without interpreter", child.Spec{Path: noFormat, Argv: []string{noFormat}},
			"couldn't exec " + noFormat + ": ENOEXEC"},
		{"a program that may not be executed", child.Spec{Path: noPermission, Argv: []string{"x\xff y"}},
			"couldn't exec x\xff y: EACCES"},
		{"a program found before and gone in the directory", child.Spec{Path: "bin/true", Argv: []string{"bin/true"}, Dir: "/tmp"},
			"couldn't exec bin/true: ENOENT"},
		{"arguments that are too long", child.Spec{Path: "/bin/true", Argv: []string{"true", strings.Repeat("x", 1<<18)}},
			"couldn't exec true: E2BIG"},
		{"an environment that is too long", child.Spec{Path: "/bin/true", Argv: []string{"true"}, Env: slices.Repeat([]string{"A=" + strings.Repeat("x", 1<<16)}, 200)},
			"couldn't exec true: E2BIG"},
	} {
		for _, way := range ways {
			t.Run(row.name+" "+way.name, func(t *testing.T) {
				spec := row.spec
				spec.Umask = way.umask
				got := newRig(t).run(t, spec)
				want := "supervisor: " + row.want + "\nsupervisor: child process was not spawned\n"
				if got.err != want || got.out != "" {
					t.Errorf("stderr = %q, stdout = %q, want stderr %q", got.err, got.out, want)
				}
				if code := child.ExitCode(got.ws); code != 127 {
					t.Errorf("exit code = %d, want 127", code)
				}
			})
		}
	}
}

func TestAUserThatCannotBecomeAnotherSaysSo(t *testing.T) {
	trailer := "\nsupervisor: child process was not spawned\n"
	for _, row := range []struct {
		name string
		via  []string
		role string
		want string
		why  string
	}{
		{"not root", nil, "nobody-host", "Can't drop privilege as nonroot user",
			"setgroups: operation not permitted (supervisord runs as user 65534, and only root may change users and groups)"},
		{"root that may not set groups", []string{"/usr/bin/setpriv", "--bounding-set=-setgid"}, "host", "Could not set groups of effective user",
			"setgroups: operation not permitted (supervisord is root without CAP_SETGID)"},
		{"root that may not set users", []string{"/usr/bin/setpriv", "--bounding-set=-setuid"}, "host", "Could not set user id of effective user",
			"setuid: operation not permitted (supervisord is root without CAP_SETUID)"},
		{"root of a namespace that does not know the user", []string{"/usr/bin/unshare", "--user", "--map-root-user"}, "host", "Could not set groups of effective user",
			"setgroups: operation not permitted (supervisord is root without CAP_SETGID)"},
	} {
		for _, way := range ways {
			t.Run(row.name+" "+way.name, func(t *testing.T) {
				argv := append(row.via, self(t), "as", row.role, fmt.Sprint(way.umask), "4242", "/bin/true")
				got := newRig(t).run(t, command(argv...))
				if want := "refused: cannot run as user 4242: " + row.why + "\n"; got.out != want {
					t.Errorf("reported %q, want %q", got.out, want)
				}
				if want := "supervisor: couldn't setuid to 4242: " + row.want + trailer; got.err != want || child.ExitCode(got.ws) != 127 {
					t.Errorf("stderr = %q, status %d, want %q, 127", got.err, child.ExitCode(got.ws), want)
				}
			})
		}
	}
}

// Our binary can be run by the daemon's user even where that user may not look
// into the binary's directory.
func TestAnUnprivilegedTableUsesTheApplet(t *testing.T) {
	got := newRig(t).run(t, as(t, "nobody-host", "23", "-1", "/bin/sh", "-c", "umask; id -u"))
	if got.out != "0027\n65534\n" || got.err != "" {
		t.Errorf("stdout = %q, stderr = %q", got.out, got.err)
	}
}

func TestTheChildIsTheUserWithTheGroups(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			spec := command("/bin/cat", "/proc/self/status")
			spec.Umask = way.umask
			spec.Cred = &child.Credential{Name: "x", UID: nobody, GID: 4242, Groups: []int{4242, 100, 4243}}
			got := newRig(t).run(t, spec)
			want := "Uid 65534 65534 65534 65534; Gid 4242 4242 4242 4242; Groups 100 4242 4243; CapEff 0000000000000000"
			if who := fields(got.out, "Uid", "Gid", "Groups", "CapEff"); who != want {
				t.Errorf("child is %s, want %s (%s)", who, want, got.err)
			}
		})
	}
}

// The original returns early when it is that user already.
func TestTheSameUserKeepsItsGroups(t *testing.T) {
	own, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			spec := command("/bin/cat", "/proc/self/status")
			spec.Umask = way.umask
			spec.Cred = &child.Credential{UID: os.Getuid(), GID: 4242, Groups: []int{4242}}
			got := newRig(t).run(t, spec)
			want := fmt.Sprintf("Gid %[1]d %[1]d %[1]d %[1]d; Groups %s", os.Getgid(), strings.Trim(fmt.Sprint(own), "[]"))
			if who := fields(got.out, "Gid", "Groups"); who != want {
				t.Errorf("child is %q, want %q", who, want)
			}
		})
	}
}

func TestGroupsThatWereAskedForAreSetAlsoForTheSameUser(t *testing.T) {
	r := newRig(t) // one for all: two would wait for each other's children
	own := fields(r.run(t, command("/bin/cat", "/proc/self/status")).out, "Groups")
	for _, row := range []struct {
		name string
		cred child.Credential
		want string
	}{
		{"a group and groups", child.Credential{UID: os.Getuid(), GID: 4242, Groups: []int{4242, 7}}, "Gid 4242 4242 4242 4242; Groups 7 4242"},
		{"no user", child.Credential{UID: -1, GID: 4242, Groups: []int{4242}}, "Gid 4242 4242 4242 4242; Groups 4242"},
		{"groups alone", child.Credential{UID: -1, GID: -1, Groups: []int{7, 8}}, "Gid 0 0 0 0; Groups 7 8"},
		{"no groups at all", child.Credential{UID: -1, GID: -1, Groups: []int{}}, "Gid 0 0 0 0; Groups "},
		{"the group alone, of the same user", child.Credential{UID: os.Getuid(), GID: 4242, Groups: []int{4242, 7}, GroupAlone: true}, "Gid 4242 4242 4242 4242; Groups OWN"},
		{"the group alone, of another user", child.Credential{UID: nobody, GID: 4242, Groups: []int{4242, 7}, GroupAlone: true}, "Gid 4242 4242 4242 4242; Groups 7 4242"},
		{"another user too", child.Credential{UID: nobody, GID: 4242, Groups: []int{4242, 7}}, "Gid 4242 4242 4242 4242; Groups 7 4242"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := command("/bin/cat", "/proc/self/status")
			row.cred.Regroup = true
			spec.Cred = &row.cred
			if !spec.Refusable() {
				t.Error("nobody would wait for the news that it worked")
			}
			got := r.run(t, spec)
			want := strings.Replace(row.want, "Groups OWN", own, 1)
			if who := fields(got.out, "Gid", "Groups"); who != want || got.report.Refusal != "" {
				t.Errorf("child is %q (%s, %+v), want %q", who, got.err, got.report, want)
			}
		})
	}
	t.Run("groups that stay", func(t *testing.T) {
		spec := command("/bin/cat", "/proc/self/status")
		spec.Cred = &child.Credential{UID: -1, GID: 4242, Regroup: true}
		before := fields(r.run(t, command("/bin/cat", "/proc/self/status")).out, "Groups")
		if who, want := fields(r.run(t, spec).out, "Gid", "Groups"), "Gid 4242 4242 4242 4242; "+before; who != want {
			t.Errorf("child is %q, want %q", who, want)
		}
	})
}

// The original's programs may say group=, which it ignores: who is that user already and
// has that group starts as if it were not there.
func TestTheGroupThatItHasIsNoChange(t *testing.T) {
	spec := command("/bin/cat", "/proc/self/status")
	spec.Cred = &child.Credential{UID: os.Getuid(), GID: os.Getgid(), Groups: []int{os.Getgid(), 7}, Regroup: true, GroupAlone: true}
	if spec.Refusable() {
		t.Error("it is said to change something")
	}
	r := newRig(t)
	before := fields(r.run(t, command("/bin/cat", "/proc/self/status")).out, "Gid", "Groups")
	if who := fields(r.run(t, spec).out, "Gid", "Groups"); who != before {
		t.Errorf("child is %q, want %q", who, before)
	}
}

// A namespace may let nobody set groups; what is so already need not be set.
func TestGroupsThatAreSoAlreadyNeedNoRight(t *testing.T) {
	r := newRig(t)
	for _, row := range []struct{ name, args, want string }{
		{"the groups that it has", "65534 65534", "65534\n"},
		{"another group if it can be", "7 65534 optional", "65534\nwarned: cannot run as group 7: setgid: operation not permitted (supervisord runs as user 65534, and only root may change users and groups); it stays in the groups of supervisord\n"},
		{"its own group if it can be", "65534 7 optional", "65534\n"},
		{"another group", "65534 7", "refused: cannot run as group 65534: setgroups: operation not permitted (supervisord runs as user 65534, and only root may change users and groups)\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := r.run(t, as(t, "nobody-regroups", strings.Fields(row.args)...))
			// The host says what it hears, and the child what it is, in any order.
			lines := strings.SplitAfter(got.out, "\n")
			slices.Sort(lines)
			if out := strings.Join(lines, ""); out != row.want {
				t.Errorf("got %q (%s), want %q", out, got.err, row.want)
			}
		})
	}
}

func TestTheUmaskIsSetInTheChildAlone(t *testing.T) {
	r := newRig(t)
	for _, row := range []struct {
		umask int
		want  string
	}{{0, "0000\n"}, {0o77, "0077\n"}, {0o777, "0777\n"}} {
		spec := command("/bin/sh", "-c", "umask")
		spec.Umask = row.umask
		if got := r.run(t, spec); got.out != row.want {
			t.Errorf("umask %o: child has %q, want %q", row.umask, got.out, row.want)
		}
	}
	inherited := r.run(t, command("/bin/sh", "-c", "umask")).out
	before := syscall.Umask(0o22)
	syscall.Umask(before)
	if want := fmt.Sprintf("%04o\n", before); inherited != want {
		t.Errorf("inherited umask is %q, want %q", inherited, want)
	}
}

func TestArgumentsEnvironmentAndDirectoryArriveUnchanged(t *testing.T) {
	env := []string{"GODEBUG=inittrace=1,gctrace=1", "GOMEMLIMIT=rubbish", "A=1", "A=2", "B=\xff\xfe:=\n", "NOEQUALS", "", "=X=1", "GOGC=x"}
	argv := []string{"-odd name", "-c", `cat /proc/self/environ; cat /proc/$$/cmdline; pwd`, "", "\xff", "a b"}
	dir := t.TempDir()
	want := strings.Join(env, "\x00") + "\x00" + strings.Join(argv, "\x00") + "\x00" + dir + "\n"
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			// A shell would tidy its environment before it starts cat, so cat
			// is asked first, by itself.
			spec := child.Spec{Path: "/bin/cat", Argv: []string{"cat", "/proc/self/environ"}, Env: env, Dir: dir, Umask: way.umask}
			r := newRig(t)
			got := r.run(t, spec)
			spec.Path, spec.Argv, spec.Env = "/bin/sh", argv, nil
			spec.Argv[2] = "cat /proc/$$/cmdline; pwd"
			want = strings.Join(env, "\x00") + "\x00" + strings.Join(argv, "\x00") + "\x00" + dir + "\n"
			rest := r.run(t, spec)
			if text := got.out + rest.out; text != want {
				t.Errorf("child got %q, want %q", text, want)
			}
			if got.err+rest.err != "" {
				t.Errorf("stderr = %q", got.err+rest.err)
			}
		})
	}
}

func TestTheChildHasItsThreeDescriptorsOnly(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			spec := as(t, "fd-printer")
			spec.Umask = way.umask
			if got := newRig(t).run(t, spec); got.out != "0 1 2\n" {
				t.Errorf("child has %q, want 0 1 2", got.out)
			}
		})
	}
}

func TestAMissingStdinIsTheNullDevice(t *testing.T) {
	got := newRig(t).run(t, command("/bin/sh", "-c", "readlink /proc/self/fd/0"))
	if got.out != os.DevNull+"\n" {
		t.Errorf("stdin = %q", got.out)
	}
}

func TestTheChildLeadsItsOwnProcessGroupInOurSession(t *testing.T) {
	r := newRig(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			spec := command("/bin/sh", "-c", `echo $$; cut -d" " -f5,6 /proc/$$/stat; cut -d" " -f6 /proc/$PPID/stat`)
			spec.Umask = way.umask
			words := strings.Fields(r.run(t, spec).out)
			if len(words) != 4 || words[0] != words[1] || words[2] != words[3] {
				t.Errorf("pid, group, session, our session = %v", words)
			}
		})
	}
}

// The fast way takes no descriptor that the Spec does not have.
func TestWithoutDescriptorsTheAppletIsNotForked(t *testing.T) {
	got := newRig(t).run(t, as(t, "full-host"))
	want := "works\n" + "failed: fork: too many open files: EMFILE\nworks\n"
	if got.out != want {
		t.Errorf("got %q (%q), want %q", got.out, got.err, want)
	}
}

// Go raises the soft limit on open files for itself, twice with the applet.
func TestTheLimitOnOpenFilesIsTheInheritedOne(t *testing.T) {
	for _, way := range ways {
		for _, uid := range []int{-1, nobody} {
			t.Run(fmt.Sprint(way.name, " as ", uid), func(t *testing.T) {
				line := fmt.Sprintf(`ulimit -Sn 300; ulimit -Hn 2000; exec "$0" as host %d %d /bin/sh -c "ulimit -Sn; ulimit -Hn"`, way.umask, uid)
				got := newRig(t).run(t, command("/bin/sh", "-c", line, self(t)))
				if got.out != "300\n2000\n" {
					t.Errorf("limits are %q (%q), want 300 and 2000", got.out, got.err)
				}
			})
		}
	}
}

func TestAnArgumentWithNULIsAFailureWithoutChild(t *testing.T) {
	r := newRig(t)
	r.start(command("/bin/true", "a\x00b"))
	if e := r.next(t); e.what != "failed" || e.err.Error() != "exec: invalid argument" {
		t.Errorf("got %v", e)
	}
}
