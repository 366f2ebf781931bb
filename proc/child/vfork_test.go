//go:build amd64 || arm64

package child_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"gosupervisor/proc/child"
)

// TestEveryWayToForkMakesTheSameChild has a child tell what it is.
func TestEveryWayToForkMakesTheSameChild(t *testing.T) {
	const script = `cd -P .; pwd; ls /proc/self/fd | tr '\n' ' '; echo
		sed -n 's/^Sig\(Blk\|Ign\|Cgt\)/&/p' /proc/self/status; ulimit -Sn; ulimit -Hn
		test "$(cut -d' ' -f5 /proc/$$/stat)" = $$ && echo leads its group
		cat; echo err >&2; echo "$1" "$X"`
	want := ""
	for _, way := range []string{"library", "clone", "clone3"} {
		for _, table := range []struct {
			name string
			open int
		}{{"a short table", 0}, {"a long table", 300}} {
			t.Run(way+" with "+table.name, func(t *testing.T) {
				defer child.ForkBy(way)()
				r := newRig(t)
				for range table.open {
					f, err := os.Open("/dev/null")
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()
				}
				in, w := pipe(t)
				if _, err := w.WriteString("in\n"); err != nil {
					t.Fatal(err)
				}
				w.Close()
				defer in.Close()
				spec := command("/bin/sh", "-c", script, "sh", "an argument")
				spec.Env = append(spec.Env, "X=a value")
				spec.Stdin, spec.Dir = in, "/usr/bin"
				got := r.run(t, spec)
				if forked := child.ForkedBy(); forked != way {
					t.Errorf("forked by %s, want %s", forked, way)
				}
				if want == "" {
					want = got.out
				}
				if got.out != want || got.err != "err\n" || child.ExitCode(got.ws) != 0 {
					t.Errorf("got %q, %q, %d, want %q", got.out, got.err, child.ExitCode(got.ws), want)
				}
				for _, part := range []string{"/usr/bin\n0 1 2 3 \n", "leads its group\nin\nan argument a value\n"} {
					if !strings.Contains(got.out, part) {
						t.Errorf("got %q, want %q in it", got.out, part)
					}
				}
			})
		}
	}
}

// Descriptors of the child may lie where others of its own have to go.
func TestDescriptorsMayLieInEachOthersPlaces(t *testing.T) {
	for _, way := range []string{"library", "clone3"} {
		t.Run(way, func(t *testing.T) {
			defer child.ForkBy(way)()
			got := newRig(t).run(t, as(t, "crossed-host", way))
			if want := "out\n"; got.out != want || got.err != "err\n" {
				t.Errorf("got %q, %q", got.out, got.err)
			}
		})
	}
}

// crossedHost starts a child whose stdout is our stderr and the reverse.
func crossedHost(args []string) {
	defer child.ForkBy(args[0])()
	r := hostRig()
	spec := command("/bin/sh", "-c", "echo err; echo out >&2")
	spec.Stdin, spec.Stdout, spec.Stderr = os.Stdin, os.Stderr, os.Stdout
	r.start(spec)
	for e := range r.events {
		if e.what == "exited" {
			break
		}
	}
}

func init() { roles["crossed-host"] = crossedHost }

// A failure leaves neither a child nor anything on the launch pad.
func TestAFailureAfterTheForkLeavesNothing(t *testing.T) {
	for range 200 { // so that descriptors are moved
		f, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	r := newRig(t)
	outR, outW := pipe(t)
	spec := command("/bin/true")
	spec.Dir, spec.Stdout, spec.Close = "/nonexistent", outW, []child.File{outW}
	out := drain(outR)
	r.start(spec) // the applet says what failed
	r.until(t, "exited")
	if got := <-out; got != "" { // ends when nobody has the other end any more
		t.Errorf("got %q", got)
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("there is a child left: %d, %v", pid, err)
	}
}
