package daemon

import (
	"bytes"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/lacking"
	"gosupervisor/proc"
)

func TestWhenTheLoopComesToRest(t *testing.T) {
	seconds := func(all ...float64) (at []proc.Instant) {
		for _, s := range all {
			at = append(at, proc.Instant(s*float64(time.Second)))
		}
		return at
	}
	every := func(step, until float64) (all []float64) {
		for s := 0.0; s <= until; s += step {
			all = append(all, s)
		}
		return all
	}
	tests := []struct {
		name    string
		stirred []proc.Instant
		want    []proc.Instant
	}{
		{"nothing happens", nil, nil},
		{"one thing happens", seconds(5), seconds(6)},
		{"several things happen one after another", seconds(1, 1.5, 2.2), seconds(3.2)},
		{"something happens again before it was tidied up for long", seconds(1, 10), seconds(2, 32)},
		{"something happens much later", seconds(1, 100), seconds(2, 101)},
		{"it never stops for a second", seconds(every(0.5, 40)...), seconds(30, 60)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r rest
			var got []proc.Instant
			stirred := tt.stirred
			for at := proc.Instant(0); at <= 200*proc.Instant(time.Second); at += proc.Instant(100 * time.Millisecond) {
				if due, ok := r.due(); ok && due <= at {
					if !r.take(at) {
						t.Fatalf("at %v it is due at %v, and not taken", at, due)
					}
					got = append(got, due)
				} else if r.take(at) {
					t.Fatalf("it is taken at %v, before it is due", at)
				}
				for len(stirred) > 0 && stirred[0] <= at {
					r.stir(stirred[0])
					stirred = stirred[1:]
				}
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if at, ok := r.due(); ok {
				t.Errorf("at the end something is due at %v", at)
			}
		})
	}
}

var kept []byte

// TestMemoryThatIsNotUsedGoesBackToTheSystem in a process of its own, where nobody
// else uses any meanwhile.
func TestMemoryThatIsNotUsedGoesBackToTheSystem(t *testing.T) {
	const alone = "GOSUPERVISOR_TEST_ALONE"
	if os.Getenv(alone) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
		cmd.Env = append(os.Environ(), alone+"=yes")
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	// Without this the runtime gives some back by itself, and could be in the middle of it.
	debug.SetGCPercent(-1)
	for range 64 {
		kept = make([]byte, 1<<20)
		for i := range kept {
			kept[i] = 1
		}
	}
	kept = nil
	runtime.GC()
	var a attic
	a.tidy()
	if free := metric("/memory/classes/heap/free:bytes"); free > 1<<20 {
		t.Errorf("%d bytes are free and have not been given back", free)
	}
	before := metric("/gc/cycles/forced:gc-cycles")
	a.tidy()
	if metric("/gc/cycles/forced:gc-cycles") != before {
		t.Error("tidied up a second time although nothing was allocated since")
	}
}

func metric(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func TestCodeThatIsNotUsedIsNotHeld(t *testing.T) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	held := func() (kb int) {
		smaps, err := os.ReadFile("/proc/self/smaps")
		if err != nil {
			t.Fatal(err)
		}
		return residentCode(t, string(smaps), self)
	}
	// Touch all of it, as a boot does.
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range codeOf(text, self) {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.begin, m.end-m.begin, unix.MADV_POPULATE_READ); errno != 0 {
			lacking.Skip(t, "this kernel does not map all of a file at once: ", errno)
		}
	}
	before := held()
	leaveCode()
	if after := held(); after >= before/2 {
		t.Errorf("after leaving %d of %d KB of our file are held", after, before)
	}
}

func TestWhichMappingsAreCode(t *testing.T) {
	const smaps = `00400000-0085b000 r-xp 00000000 fe:00 10004719                           /bin/super visord
Size:               4460 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00400000-0085b000 r-xp 00000000 fe:00 10004719                           /bin/supervisord
Rss:                 896 kB
Anonymous:             0 kB
0085b000-00cd1000 r--p 0045b000 fe:00 10004719                           /bin/supervisord
Anonymous:             4 kB
00cd1000-00d38000 rw-p 008d1000 fe:00 10004719                           /bin/supervisord
Anonymous:             0 kB
00e00000-00e01000 r--p 008d1000 fe:00 10004719                           /bin/supervisord
Anonymous:             0 kB
00f00000-00f01000 r-xp 008d1000 fe:00 10004719                           /lib/other
Anonymous:             0 kB
7f422ce9c000-7f422ce9e000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
7f422ce9c000-7f422cf9e000 rw-p 00000000 00:00 0
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0x85b000}, {0xe00000, 0xe01000}}
	if got := codeOf([]byte(smaps), "/bin/supervisord"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// residentCode adds up what is resident of the mappings of a file that are not written to.
func residentCode(t *testing.T, smaps, file string) (kb int) {
	t.Helper()
	ours := false
	for line := range strings.Lines(smaps) {
		words := strings.Fields(line)
		switch {
		case strings.Contains(words[0], "-"):
			ours = len(words) == 6 && words[5] == file && words[1][1] == '-'
		case words[0] == "Rss:" && ours:
			n, err := strconv.Atoi(words[1])
			if err != nil {
				t.Fatal(err)
			}
			kb += n
		}
	}
	if kb == 0 {
		t.Fatal("nothing of our file is resident")
	}
	return kb
}
