package child_test

import (
	"strings"
	"testing"
)

func TestInheritedDescriptorsAreKeptFromChildren(t *testing.T) {
	for _, way := range []string{"all", "listed", "swept"} {
		t.Run(way, func(t *testing.T) {
			line := `exec 7</dev/null 9</dev/null; exec "$0" as marked-host ` + way + ` -1 -1 "$0" as fd-printer`
			got := newRig(t).run(t, command("/bin/sh", "-c", line, self(t)))
			lines := strings.Split(strings.TrimSpace(got.out), "\n")
			if first := lines[0]; first != "before: 0 1 2 7 9" {
				t.Fatalf("got %q (%s)", first, got.err)
			}
			if last := lines[len(lines)-1]; last != "0 1 2" {
				t.Errorf("child has %q, want 0 1 2", last)
			}
		})
	}
}
