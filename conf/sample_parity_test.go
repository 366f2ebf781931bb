package conf

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosupervisor/lacking"
)

// original finds Supervisor itself: a supervisord that says a bare version
// number and nothing of us.
func original(t *testing.T) string {
	t.Helper()
	const path = "/usr/bin/supervisord"
	out, err := exec.Command(path, "--version").Output()
	if err == nil && regexp.MustCompile(`^\d+\.\d+\.\d+\n$`).Match(out) {
		return path
	}
	lacking.Skip(t, path, " is not the original: ", err)
	return ""
}

func TestTheOriginalTakesTheSample(t *testing.T) {
	program := original(t)
	tests := []struct {
		name string
		pick func(section, key string) bool
	}{
		{"as it stands", func(string, string) bool { return false }},
		{"with everything uncommented", func(section, key string) bool {
			// These need an account, a port or an answer of this machine.
			return !slices.Contains([]string{"user", "chown", "username", "password"}, key) && section != "inet_http_server"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := inDir(t, uncommented(tt.pick))
			dir := filepath.Dir(path)
			out, err := os.Create(filepath.Join(dir, "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			cmd := exec.Command(program, "-n", "-c", path)
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1) // its end is known even if nobody asks
			go func() { ended <- cmd.Wait() }()
			t.Cleanup(func() { cmd.Process.Kill() })
			if text, up := waitFor(filepath.Join(dir, "out"), "supervisord started with pid", ended); !up {
				t.Fatalf("it does not start:\n%s", text)
			}
			cmd.Process.Signal(syscall.SIGTERM)
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("it ended with %v", err)
				}
			case <-time.NewTimer(30 * time.Second).C:
				t.Error("it does not end")
			}
		})
	}
}

// waitFor waits until the file holds the words, or the process has ended.
func waitFor(path, words string, ended chan error) (text string, found bool) {
	deadline := time.NewTimer(30 * time.Second).C
	for {
		data, _ := os.ReadFile(path)
		if strings.Contains(string(data), words) {
			return string(data), true
		}
		select {
		case err := <-ended:
			ended <- errors.Join(err, errors.New("early"))
			return string(data), false
		case <-deadline:
			return string(data), false
		case <-time.NewTimer(20 * time.Millisecond).C:
		}
	}
}
