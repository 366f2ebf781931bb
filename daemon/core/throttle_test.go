package core

import (
	"testing"
	"time"

	"gosupervisor/proc"
)

func TestQuickEndsAreRestartedAtOnceForAWhile(t *testing.T) {
	for _, c := range []struct {
		name  string
		lived time.Duration
		code  int
		held  bool
	}{
		{"a program that ends at once", 0, 0, true},
		{"a program that fails at once", 0, 3, true},
		{"a program that ends just in time", quickLife - 1, 1, true},
		{"a program that ran", quickLife, 1, false},
		{"a program that is killed", 0, -1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var th throttle
			now := proc.Instant(time.Minute)
			for i := range quickBurst {
				th.ended(c.lived, c.code)
				if at := th.take(now); at != now {
					t.Fatalf("restart %d waits until %v", i, at)
				}
			}
			th.ended(c.lived, c.code)
			if at := th.take(now); (at > now) != c.held || at > now+quickPace {
				t.Fatalf("the next is due at %v, %v later", at, at-now)
			}
		})
	}
}

func TestThePaceOfQuickRestarts(t *testing.T) {
	var th throttle
	starts := 0
	for at := proc.Instant(0); at < proc.Instant(time.Minute); at += proc.Instant(time.Millisecond) {
		th.ended(0, 1)
		if due := th.take(at); due > at {
			if at = due; th.take(at) != at {
				t.Fatal("what was to be restarted now is to wait again")
			}
		}
		starts++
	}
	if want := quickBurst + int(time.Minute/quickPace); starts < want-2 || starts > want+2 {
		t.Errorf("%d starts in a minute, want about %d", starts, want)
	}
}
