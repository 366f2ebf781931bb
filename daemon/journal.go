package daemon

import (
	"fmt"
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
	if l < j.level {
		return
	}
	line := renderLine(time.Now(), l, text)
	if j.sink != nil {
		j.sink.Write(line, output.Urgent)
	}
	if j.syslog != nil {
		j.syslog.Send(line[:len(line)-1])
	}
	for _, s := range j.sinks {
		s.Write(line, output.Urgent)
	}
}

func (j *journal) logf(l conf.Level, format string, args ...any) {
	if l >= j.level {
		j.log(l, fmt.Sprintf(format, args...))
	}
}

// renderLine makes the line that log readers of the original know.
func renderLine(t time.Time, l conf.Level, text string) []byte {
	b := make([]byte, 0, 32+len(text))
	b = t.AppendFormat(b, "2006-01-02 15:04:05,000")
	b = append(b, ' ')
	b = append(b, l.Code()...)
	b = append(b, ' ')
	b = append(b, text...)
	return append(b, '\n')
}
