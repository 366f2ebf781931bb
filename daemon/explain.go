package daemon

import (
	"bytes"
	"errors"
	"math"
	"os"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc/logfile"
	"gosupervisor/proc/usage"
)

// Bounds of the log lines in an explanation, for each output.
const (
	mostLines     = 1000
	mostLineBytes = 64 << 10
)

// explain completes what the core knows of a process by the last lines that it
// wrote. It reads files, so the loop must not wait for it.
func explain(s *slot, x api.Explanation, lines int64) api.Explanation {
	n := int(min(lines, mostLines))
	x.Stdout, x.Stderr = lastLines(s.stdout, n), lastLines(s.stderr, n)
	if s.stderr == nil {
		x.Stderr.Note = "redirect_stderr: it goes to stdout"
	}
	return x
}

// lastLines returns the end of what came through a channel, and why there is
// nothing to return.
func lastLines(c *channel, n int) api.LogTail {
	tail := api.LogTail{Lines: []api.Bytes{}}
	if c == nil {
		return tail
	}
	if path, ok := readable(c); ok {
		tail.Logfile = path
	}
	text, whole, err := c.tail(int64(n), mostLineBytes)
	switch {
	case errors.Is(err, errKeptNowhere):
		tail.Note = whereItGoes(c)
	case errors.Is(err, logfile.ErrNoFile):
		tail.Note = "there is no such file yet"
	case errors.Is(err, logfile.ErrNotRegular):
		tail.Note = "not a regular file, so it cannot be read back"
	case err != nil:
		tail.Note = err.Error()
	case n > 0:
		tail.Lines = cutLines(text, n, !whole)
	}
	return tail
}

// whereItGoes says why a channel has no log that can be read.
func whereItGoes(c *channel) string {
	switch {
	case c.stream != nil:
		return "it goes to " + c.path + " of supervisord and is not kept"
	case c.lost.Load():
		return "its automatic log could not be created, and it is not kept"
	case c.conf.Syslog:
		return "it goes to syslog and is not kept"
	}
	return "it has no log file and is not kept"
}

// cutLines returns the last n lines of a text. Of a text that is the end of a
// longer one, the first line may be the end of one too: it is left out, unless it
// is all there is.
func cutLines(text []byte, n int, cut bool) []api.Bytes {
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if cut && len(lines) > 1 {
		lines = lines[1:]
	}
	lines = lines[max(len(lines)-n, 0):]
	out := []api.Bytes{}
	for i, line := range lines {
		if len(lines) == 1 && i == 0 && len(line) == 0 {
			break // nothing at all
		}
		out = append(out, api.Bytes(bytes.TrimSuffix(line, []byte("\r"))))
	}
	return out
}

// measure completes what the core knows of what processes take, which it knew at
// the moment known. It reads all of /proc, so the loop must not wait for it; one
// reading at a time is enough for as many clients as there may be.
func (h *host) measure(all []api.ProcessUsage, known time.Time) []api.ProcessUsage {
	h.reading <- struct{}{}
	defer func() { <-h.reading }()
	table, err := usage.Read("/proc")
	age := time.Since(known).Seconds()
	if err != nil {
		if !h.noProc {
			h.noProc = true
			h.journal.logf(conf.Warn, "what programs take of the machine is not known: %v", err)
		}
		return all
	}
	us := os.Getpid()
	for i := range all {
		u := &all[i]
		if u.PID == 0 {
			continue
		}
		u.Uptime = math.Round((u.Uptime+age)*1000) / 1000
		t, ok := table.Tree(u.PID, us)
		if !ok {
			continue
		}
		cpu := t.CPU.Seconds()
		u.CPUSeconds, u.RSS, u.Threads, u.Processes = &cpu, &t.RSS, &t.Threads, &t.Processes
		if t.FDs >= 0 {
			u.FDs = &t.FDs
		}
	}
	return all
}
