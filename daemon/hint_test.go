package daemon

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/daemon/serve"
)

func TestWhatKeepsUsFromStartingComesWithAdvice(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s.conf")
	if err := os.WriteFile(file, []byte("[supervisord]\nuser=root\nlogfile=/run/s.log\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	bare := filepath.Join(dir, "bare.conf")
	if err := os.WriteFile(bare, []byte("[supervisord]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	readOnly := &os.PathError{Op: "open", Path: "/run/s.log", Err: syscall.EROFS}
	tooMany := &limitError{fixedText: "The minimum", key: "minfds", most: 4096, shell: "-n", docker: "nofile"}
	for _, c := range []struct {
		name string
		args []string
		err  error
		want string
	}{
		{"no root to become a user", nil, errNotRoot,
			fmt.Sprintf("%s:2: [supervisord] user: we were started as uid %d, which cannot become another user: leave user= out, or start as root", file, os.Getuid())},
		{"a user from the command line alone", []string{"-c", bare, "-u", "root"}, errNotRoot,
			fmt.Sprintf("command line, -u: [supervisord] user: we were started as uid %d, which cannot become another user: leave user= out, or start as root", os.Getuid())},
		{"a user from the command line", []string{"-u", "root"}, errNotRoot,
			fmt.Sprintf("command line, -u: [supervisord] user: we were started as uid %d, which cannot become another user: leave user= out, or start as root", os.Getuid())},
		{"a limit that is the default", nil, tooMany,
			"[supervisord] minfds: lower it to at most 4096, or raise the limit (ulimit -n, docker run --ulimit nofile=...)"},
		{"a log on a read-only file system", nil, &logError{readOnly, "/run/s.log"},
			file + ":3: [supervisord] logfile: /run is on a read-only file system: mount a tmpfs there (docker run --tmpfs /run), or set logfile=/dev/null"},
		{"a log that is a directory", nil, &logError{syscall.EISDIR, "/run"}, file + ":3: [supervisord] logfile: choose another place, or /dev/null for none"},
		{"a socket", nil, fmt.Errorf("open: %w", &serve.ListenError{Hint: "do this"}), "do this"},
		{"an error that says it all", nil, fixedText("no"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts, err := parseOptions(c.args, nil)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			d := &daemon{argv0: "sd", opts: opts, path: cmp.Or(opts.config, file), stderr: &out}
			code := d.usage(c.err)
			want := "Error: " + c.err.Error() + "\nFor help, use sd -h\n"
			if c.want != "" {
				want += "  " + c.want + "\n"
			}
			if code != exitUsage || out.String() != want {
				t.Errorf("exit status %d, got\n%s\nwant\n%s", code, out.String(), want)
			}
		})
	}
}

func TestALimitThatIsTooLowSaysHowHighItIs(t *testing.T) {
	if _, err := raiseLimits(&conf.Server{MinFDs: math.MaxInt32}); err == nil {
		t.Error("a limit beyond what the kernel has was set")
	} else if d := (&daemon{opts: &options{}, path: "/nonexistent"}); !strings.HasPrefix(strings.Join(d.hints(err), ""), "[supervisord] minfds: lower it to at most ") {
		t.Errorf("%v: got %q", err, d.hints(err))
	}
}

func TestNoPidfileHasAReason(t *testing.T) {
	for err, want := range map[error]string{
		&os.PathError{Op: "open", Path: "/run/x.pid.1234", Err: syscall.EROFS}:  "/run is on a read-only file system: mount a tmpfs there (docker run --tmpfs /run)",
		&os.PathError{Op: "open", Path: "/run/x.pid.1234", Err: syscall.ENOENT}: "no such file or directory",
		fmt.Errorf("odd"): "odd",
	} {
		if got := whyNoPidfile("/run/x.pid", err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
	const want = "/ is on a read-only file system: set pidfile=/run/supervisord.pid, and mount a tmpfs there (docker run --tmpfs /run)"
	if got := whyNoPidfile("/x.pid", syscall.EROFS); got != want {
		t.Errorf("in the root: got %q, want %q", got, want)
	}
}
