package early_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"gosupervisor/early"
)

const printWord = "print-early-limit"

func TestMain(m *testing.M) {
	if os.Args[0] == printWord {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
			panic(err)
		}
		fmt.Println(early.NOFILE.Soft, early.NOFILE.Hard, now.Cur, now.Max)
		return
	}
	os.Exit(m.Run())
}

func TestTheLimitIsTheOneBeforeTheLibraryRaisedIt(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, limits, want string }{
		{"a soft limit below the hard one", "ulimit -Sn 256; ulimit -Hn 4096", "256 4096 4095 4096"},
		{"both limits equal", "ulimit -Sn 512; ulimit -Hn 512", "512 512 512 512"},
	} {
		t.Run(row.name, func(t *testing.T) {
			// bash, for exec -a; dash cannot choose argv[0].
			out, err := exec.Command("bash", "-c", row.limits+`; exec -a `+printWord+` "$0"`, self).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got := strings.TrimSpace(string(out)); got != row.want {
				t.Errorf("early soft, hard, present soft, hard = %s, want %s", got, row.want)
			}
		})
	}
}
