package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// label marks every image and container of these tests.
const label = "supervisor.integration"

// The configurations of the image. Their logs go where containers' logs go.
var imageFiles = map[string]string{
	"etc/supervisord.conf": `
[unix_http_server]
file=/run/s.sock
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/s.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/s.sock
[program:talker]
command=/bin/testprog signals
stdout_logfile=/dev/stdout
redirect_stderr=true
priority=10
[program:shell]
command=/bin/sh -c "echo shell on stdout; echo shell on stderr >&2; exec cat"
stdout_logfile=/dev/stdout
stderr_logfile=/dev/stderr
priority=20
[program:orphans]
command=/bin/testprog orphans 5000
stdout_logfile=/dev/stdout
redirect_stderr=true
autostart=false
`,
	"Dockerfile": `FROM scratch
LABEL ` + label + `=image
COPY root/ /
ENTRYPOINT ["/usr/bin/supervisord"]
CMD ["-c", "/etc/supervisord.conf"]
`,
}

// image is built once, by the first test that needs it.
var image struct {
	once sync.Once
	id   string
	err  error
}

// needImage returns the id of an image from scratch: our binary under its
// names, busybox, the test program, and a configuration. It has no /tmp, no
// /etc/passwd and no shared library.
func needImage(t testing.TB) string {
	t.Helper()
	oursOnly(t, "an image from scratch has no interpreter for it")
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		skip(t, fmt.Sprintf("no docker daemon: %v: %s", err, out))
	}
	busybox := needProgram(t, "busybox")
	image.once.Do(func() { image.id, image.err = buildImage(busybox) })
	if image.err != nil {
		t.Fatal(image.err)
	}
	return image.id
}

func buildImage(busybox string) (string, error) {
	dir, err := os.MkdirTemp(scratch, "image")
	if err != nil {
		return "", err
	}
	for _, sub := range []string{"root/bin", "root/usr/bin", "root/etc", "root/run"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return "", err
		}
	}
	// A tmpfs that docker mounts over a directory gets its mode.
	if err := os.Chmod(filepath.Join(dir, "root/run"), 0o777|os.ModeSticky); err != nil {
		return "", err
	}
	for from, to := range map[string]string{
		program("supervisord"): "root/usr/bin/supervisord", testprog: "root/bin/testprog", busybox: "root/bin/busybox",
	} {
		if err := copyProgram(from, filepath.Join(dir, to)); err != nil {
			return "", err
		}
	}
	for _, name := range []string{"sh", "cat", "ps", "sleep", "ls"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "root/bin", name)); err != nil {
			return "", err
		}
	}
	for name, text := range imageFiles {
		if name != "Dockerfile" {
			name = filepath.Join("root", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	// The other names are made by the binary itself.
	install := exec.Command(filepath.Join(dir, "root/usr/bin/supervisord"), "--install", filepath.Join(dir, "root/usr/bin"))
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %v\n%s", install.Args, err, out)
	}
	return dockerBuild(dir)
}

// dockerBuild builds the image of a directory and returns its id.
func dockerBuild(dir string, options ...string) (string, error) {
	idFile := filepath.Join(dir, "id")
	build := exec.Command("docker", append(append([]string{"build", "-q", "--iidfile", idFile}, options...), dir)...)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("docker build: %v\n%s", err, out)
	}
	id, err := os.ReadFile(idFile)
	return strings.TrimSpace(string(id)), err
}

// copyProgram copies a file that is to be executed. Another process writes it: one
// that this process had open for writing could be executed only when no child of
// another test that was forked meanwhile holds it any more.
func copyProgram(from, to string) error {
	if out, err := exec.Command("install", "-m", "755", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %v: %s", from, err, out)
	}
	return nil
}

// removeImages removes the images that were built, those upon others first.
func removeImages() {
	for _, id := range []string{promised.ours, promised.theirs, image.id} {
		// Docker removes with an image those without a name that it was built upon.
		if id == "" || exec.Command("docker", "image", "inspect", id).Run() != nil {
			continue
		}
		if out, err := exec.Command("docker", "image", "rm", id).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "integration: remove image: %v\n%s", err, out)
		}
	}
}

// container is one container under test.
type container struct {
	t    testing.TB
	id   string
	conf string // the file that supervisorctl reads
}

// run starts a container with options of docker, and what follows the image.
func runContainer(t testing.TB, options []string, args ...string) *container {
	t.Helper()
	c := createContainer(t, options, args...)
	c.docker(0, "start", c.id)
	return c
}

func createContainer(t testing.TB, options []string, args ...string) *container {
	t.Helper()
	return createOf(t, needImage(t), options, args...)
}

// createOf creates a container of an image.
func createOf(t testing.TB, id string, options []string, args ...string) *container {
	t.Helper()
	all := append([]string{"create", "--network", "none", "--label", label + "=" + runMarker}, options...)
	all = append(append(all, id), args...)
	r := runCommand(t, exec.Command("docker", all...))
	if r.code != 0 {
		t.Fatalf("docker %q: status %d\n%s", all, r.code, r.all())
	}
	lines := strings.Fields(r.out)
	c := &container{t: t, id: lines[len(lines)-1], conf: "/etc/supervisord.conf"}
	t.Cleanup(c.remove)
	return c
}

func (c *container) remove() {
	if c.t.Failed() {
		c.t.Logf("logs of the container:\n%s", tail(c.logs()))
	}
	if r := runCommand(c.t, exec.Command("docker", "rm", "-f", "-v", c.id)); r.code != 0 {
		c.t.Errorf("remove container: %s", r.all())
	}
}

// docker runs a docker command and requires its exit status.
func (c *container) docker(code int, args ...string) result {
	c.t.Helper()
	r := runCommand(c.t, exec.Command("docker", args...))
	if r.code != code {
		c.t.Fatalf("docker %q: status %d, want %d\n%s", args, r.code, code, r.all())
	}
	return r
}

func (c *container) logs() string {
	return runCommand(c.t, exec.Command("docker", "logs", c.id)).all()
}

func (c *container) waitLogs(texts ...string) string {
	c.t.Helper()
	var text string
	until(c.t, fmt.Sprintf("docker logs hold %q", texts), func() (string, bool) {
		text = strings.ReplaceAll(c.logs(), "\r\n", "\n")
		return tail(text), inOrder(text, texts...)
	})
	return text
}

// ctl runs supervisorctl inside.
func (c *container) ctl(args ...string) result {
	c.t.Helper()
	return runCommand(c.t, exec.Command("docker", append([]string{"exec", c.id, "/usr/bin/supervisorctl", "-c", c.conf}, args...)...))
}

// waitRunning waits until the programs of the image run.
func (c *container) waitRunning() {
	c.t.Helper()
	until(c.t, "talker and shell run", func() (string, bool) {
		r := c.ctl("status", "talker", "shell")
		return r.all() + tail(c.logs()), r.code == 0 && strings.Count(r.out, "RUNNING") == 2
	})
}

// stopped requires an end in order: with status 0, which a killed container
// does not have.
func (c *container) stopped() {
	c.t.Helper()
	until(c.t, "the container has ended", func() (string, bool) {
		state := c.inspect("{{.State.Status}}")
		return state, state == "exited"
	})
	if got := c.inspect("{{.State.ExitCode}} {{.State.OOMKilled}}"); got != "0 false" {
		c.t.Errorf("exit code and out-of-memory: %s, want 0 false", got)
	}
}

func (c *container) inspect(format string) string {
	c.t.Helper()
	return strings.TrimSpace(c.docker(0, "inspect", "-f", format, c.id).out)
}
