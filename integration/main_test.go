package integration

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What TestMain finds or makes before the first test.
var (
	binDir    string // the programs under test
	testprog  string // the supervised test program, static
	scratch   string // all temporary files; every user may enter it
	original  bool   // binDir holds the original, not ours
	runMarker = fmt.Sprintf("run%d", os.Getpid())
)

// marker is the environment variable by which processes of these tests are
// known.
const marker = "SUPERVISOR_INTEGRATION"

func TestMain(m *testing.M) {
	flag.Parse()
	if !flagGiven("test.parallel") {
		// Most tests wait for something most of the time.
		check(flag.Set("test.parallel", "6"))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	check(standardStreams())
	check(prepare())
	defer removeAll(scratch)
	defer removeImages()
	code := m.Run()
	if err := standardStreams(); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		return 1
	}
	return code
}

// standardStreams looks whether /dev/stdout and /dev/stderr are what they have
// to be. A supervisor that runs as root and takes them for files of its own
// can leave a machine with plain files there.
func standardStreams() error {
	for name, want := range map[string]string{"/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2"} {
		if got, err := os.Readlink(name); err != nil || got != want {
			return fmt.Errorf("%s is not a link to %s (%q, %v): some program has replaced it", name, want, got, err)
		}
	}
	return nil
}

func prepare() error {
	var err error
	if binDir = os.Getenv("SUPERVISOR_BIN_DIR"); binDir == "" {
		binDir = filepath.Join("..", "bin")
		build := exec.Command("make", "-C", "..", "build")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("make build: %v\n%s", err, out)
		}
	}
	if binDir, err = filepath.Abs(binDir); err != nil {
		return err
	}
	start, err := os.ReadFile(program("supervisord"))
	if err != nil {
		return err
	}
	original = bytes.HasPrefix(start, []byte("#!")) // ours is a binary

	// Paths of sockets are short, and programs of other users live here too.
	if scratch, err = os.MkdirTemp("/tmp", "si"); err != nil {
		return err
	}
	if err := os.Chmod(scratch, 0o755); err != nil {
		return err
	}
	testprog = filepath.Join(scratch, "testprog")
	build := exec.Command("go", "build", "-trimpath", "-o", testprog, "./testprog")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./testprog: %v\n%s", err, out)
	}
	return nil
}

// program returns the path of a program under test.
func program(name string) string { return filepath.Join(binDir, name) }

func flagGiven(name string) bool {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		os.Exit(1)
	}
}

// skip leaves a test out because the machine lacks something, which is an
// error where everything has to be there.
func skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("nothing may be skipped with CI=true: %s", reason)
	}
	t.Skip(reason)
}

// oursOnly leaves a test out when the original is tested: it is about what the
// original does not do, or does worse.
func oursOnly(t testing.TB, why string) {
	t.Helper()
	if original {
		inapplicable(t, "not for the original: "+why)
	}
}

// inapplicable leaves a test out for what the programs under test or the processor are.
// No machine that has more could run it, so that it is no error anywhere.
func inapplicable(t testing.TB, why string) {
	t.Helper()
	t.Skip(why)
}

// needRoot is for tests that change users, mount, or make namespaces.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		skip(t, "needs root")
	}
}

// needProgram returns the path of an installed program. The patterns are tried
// in order; a name without a slash is searched in PATH and the sbin
// directories.
func needProgram(t testing.TB, patterns ...string) string {
	t.Helper()
	for _, p := range patterns {
		if !strings.Contains(p, "/") {
			for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
				if path := filepath.Join(dir, p); isExecutable(path) {
					return path
				}
			}
			continue
		}
		found, err := filepath.Glob(p)
		if err == nil && len(found) > 0 && isExecutable(found[len(found)-1]) {
			return found[len(found)-1]
		}
	}
	skip(t, fmt.Sprintf("none of %q is installed (see packages.txt)", patterns))
	return ""
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// shortDir returns a fresh directory that every user may enter, with a path
// short enough for sockets.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(dir) })
	return dir
}

func removeAll(dir string) {
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
	}
}
