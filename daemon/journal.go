package daemon

import (
	"fmt"
	"slices"
	"time"

	"gosupervisor/conf"
	"gosupervisor/proc/logfile"
	"gosupervisor/proc/output"
)

// journal is the activity log: it renders the classic line and writes it to
// the file and, in the foreground, to standard output. It may be used from any
// goroutine.
type journal struct {
	level  conf.Level
	file   *logfile.File    // nil: no file, the log goes to a stream or to syslog
	sink   *output.FileSink // writes to file without waiting for a device
	sinks  []output.Sink    // what else gets every line
	syslog *output.Syslog   // nil: not there
}

// openFile opens the file that the log goes to.
func (j *journal) openFile(s logfile.Spec) error {
	j.file = logfile.New(s)
	j.sink = output.NewFileSink(j.file)
	return j.sink.Open()
}

// sameFile tells whether two journals write to one file.
func (j *journal) sameFile(k *journal) bool {
	return j.file != nil && k.file != nil && j.file.Path() == k.file.Path()
}

// close closes the file, if there is one.
func (j *journal) close() {
	if j.sink != nil {
		j.sink.Close()
		j.sink.Release()
	}
}

// log writes one line, if the level is wanted. It never fails: a full disk
// must not stop the supervision.
func (j *journal) log(l conf.Level, text string) {
	j.write(j.line(nil, l, text))
}

// line adds a line to some that are to be written together, if the level is wanted.
func (j *journal) line(to []byte, l conf.Level, text string) []byte {
	if l < j.level {
		return to
	}
	start := len(to)
	to = appendLine(to, time.Now(), l, text)
	if j.syslog != nil {
		j.syslog.Send(to[start : len(to)-1])
	}
	return to
}

// write writes whole lines.
func (j *journal) write(lines []byte) {
	if len(lines) == 0 {
		return
	}
	if j.sink != nil {
		j.sink.Write(lines, output.Urgent)
	}
	for _, s := range j.sinks {
		s.Write(lines, output.Urgent)
	}
}

func (j *journal) logf(l conf.Level, format string, args ...any) {
	if l >= j.level {
		j.log(l, fmt.Sprintf(format, args...))
	}
}

// appendLine makes the line that log readers of the original know.
func appendLine(b []byte, t time.Time, l conf.Level, text string) []byte {
	b = slices.Grow(b, 32+len(text))
	b = t.AppendFormat(b, "2006-01-02 15:04:05,000")
	b = append(b, ' ')
	b = append(b, l.Code()...)
	b = append(b, ' ')
	b = append(b, text...)
	return append(b, '\n')
}
