package peer

import (
	"os"
	"testing"
)

func TestTheOverflowNumberIsNobody(t *testing.T) {
	const whole = "         0          0 4294967295\n"
	for name, row := range map[string]struct {
		id              int
		overflow, table string // none: it cannot be read
		want            bool
	}{
		"a user of the machine":                    {1000, "65534\n", whole, true},
		"nobody of the machine":                    {65534, "65534\n", whole, true},
		"a user of a namespace":                    {1000, "65534\n", "0 100000 65536\n", true},
		"root of a namespace":                      {0, "65534\n", "0 1000 1\n", true},
		"whoever is not known":                     {65534, "65534\n", "0 1000 1\n", false},
		"a namespace may have one of that number":  {65534, "65534\n", "0 100000 65536\n", false},
		"a namespace that has all but a few":       {65534, "65534\n", "0 0 4294967294\n", false},
		"one that has all, with others in between": {65534, "65534\n", "0 1 65534\n65534 0 1\n", false},
		"a namespace without a table":              {65534, "65534\n", "\n", false},
		"another number":                           {99, "99\n", "0 1000 1\n", false},
		"the usual one where it is another":        {65534, "99\n", "0 1000 1\n", true},
		"the usual one where nothing can be read":  {65534, "", "", false},
		"a user where nothing can be read":         {1000, "", "", true},
		"what is no number":                        {65534, "many", "0 1000 1\n", false},
	} {
		read := func(file string) ([]byte, error) {
			text := map[string]string{"/proc/sys/kernel/overflowgid": row.overflow, "/proc/self/gid_map": row.table}[file]
			if text == "" {
				return nil, os.ErrNotExist
			}
			return []byte(text), nil
		}
		if got := known(row.id, "gid", read); got != row.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestWeAreKnown(t *testing.T) {
	if !KnownUID(0) || !KnownGID(0) {
		t.Error("root is not")
	}
}
