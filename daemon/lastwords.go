package daemon

import (
	"bytes"
	"fmt"
	"os"

	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/output"
)

// lastWords writes the last lines of a program that ends the daemon where the
// container's log is: to our own standard output, never to a file. In the
// background there is no such log, and the main program of a command line writes
// there by itself. Reading files may wait for a disk, so it is a
// chore; the daemon leaves after it.
func (h *host) lastWords(s *slot, e core.LastWords) {
	if !h.cfg.Server.Nodaemon && os.Getpid() != 1 || s.prog.Main {
		return
	}
	h.chores.add(func() { h.stdout.Write(h.obituary(s, e), output.Urgent) })
}

// obituary words the last lines of a program. What went to our own descriptors
// stands in the container's log already.
func (h *host) obituary(s *slot, e core.LastWords) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "==== %s\n", e.Title)
	for _, c := range []*channel{s.stdout, s.stderr} {
		if c == nil || c.stream != nil {
			continue
		}
		tail := lastLines(c, e.Lines)
		if len(tail.Lines) == 0 {
			if tail.Note != "" {
				fmt.Fprintf(&b, "---- %s: %s\n", c.name, tail.Note)
			}
			continue
		}
		fmt.Fprintf(&b, "---- %s, its last %s:\n", c.name, count(len(tail.Lines), "line"))
		for _, line := range tail.Lines {
			b.Write(line)
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "==== end of %s\n", api.Namespec(s.prog.Group, s.prog.Name))
	return b.Bytes()
}
