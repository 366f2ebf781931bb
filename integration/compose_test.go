package integration

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCompose has docker compose look at health, wait for it, restart what
// failed, and stop inside its grace period.
func TestCompose(t *testing.T) {
	t.Parallel()
	img := needImage(t)
	compose := needProgram(t, "docker-compose")
	dir := shortDir(t)
	base := imageFiles["etc/supervisord.conf"]
	base, _, _ = strings.Cut(base, "[program:talker]")
	writeFile(t, filepath.Join(dir, "db.conf"), base+`
[supervisord]
shutdown_timeout=1
[program:db]
command=/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'
startsecs=2
stopwaitsecs=600
stdout_logfile=NONE
stderr_logfile=NONE
`, 0o644)
	writeFile(t, filepath.Join(dir, "job.conf"), base+`
[program:job]
command=/bin/sh -c 'echo x >>/run/tries; set -- $(cat /run/tries); [ $# -ge 3 ] || exit 42'
startsecs=0
autorestart=false
on_exit=shutdown
stdout_logfile=NONE
stderr_logfile=NONE
`, 0o644)
	file := filepath.Join(dir, "docker-compose.yml")
	writeFile(t, file, fmt.Sprintf(`version: "2.4"
services:
  db:
    image: %[1]s
    network_mode: none
    labels: {%[2]s: %[3]s}
    volumes: ["./db.conf:/etc/supervisord.conf:ro"]
    stop_grace_period: 20s
    healthcheck:
      test: [CMD, /usr/bin/supervisorctl, -c, /etc/supervisord.conf, status, db]
      interval: 1s
      timeout: 20s
      retries: 60
  job:
    image: %[1]s
    network_mode: none
    labels: {%[2]s: %[3]s}
    volumes: ["./job.conf:/etc/supervisord.conf:ro"]
    restart: on-failure
    depends_on:
      db: {condition: service_healthy}
`, img, label, runMarker), 0o644)
	project := filepath.Base(dir)
	run := func(args ...string) result {
		t.Helper()
		r := runCommand(t, exec.Command(compose, append([]string{"-p", "sup" + project, "-f", file}, args...)...))
		if r.code != 0 {
			t.Fatalf("%s %q: status %d\n%s", compose, args, r.code, r.all())
		}
		return r
	}
	t.Cleanup(func() { run("down", "-v", "-t", "0") })
	since := time.Now().Add(-time.Second)
	run("up", "-d")
	of := func(service string) *container {
		return &container{t: t, id: strings.TrimSpace(run("ps", "-q", service).out)}
	}
	db, job := of("db"), of("job")

	// Of its probes docker remembers the last five, of its health each change.
	healthy := db.docker(0, "events", "--since", fmt.Sprint(since.Unix()), "--until", fmt.Sprint(time.Now().Unix()+1),
		"--filter", "container="+db.id, "--filter", "event=health_status", "--format", "{{.TimeNano}} {{.Action}}").out
	began, err := time.Parse(time.RFC3339Nano, job.inspect("{{.Created}}"))
	if err != nil {
		t.Fatal(err)
	}
	var first int64
	if _, err := fmt.Sscanf(healthy, "%d health_status: healthy", &first); err != nil || !time.Unix(0, first).Before(began) {
		t.Errorf("the job was there at %v (%d), and the other's health was %q", began, began.UnixNano(), healthy)
	}

	until(t, "the job was tried three times", func() (string, bool) {
		state := job.inspect("{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}")
		return state, state == "exited 2 0"
	})
	run("stop")
	if got := db.inspect("{{.State.ExitCode}}"); got != "0" {
		t.Errorf("the deaf service was left with %s, want 0", got)
	}
	died := job.docker(0, "events", "--since", fmt.Sprint(since.Unix()), "--until", fmt.Sprint(time.Now().Unix()+1),
		"--filter", "container="+job.id, "--filter", "event=die", "--format", "{{.Actor.Attributes.exitCode}}")
	if got := strings.Fields(died.out); strings.Join(got, " ") != "42 42 0" {
		t.Errorf("docker saw the exit codes %v, want 42 42 0", got)
	}
}
