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
	file   *logfile.File  // nil: no file, the log goes to a stream or to syslog
	sinks  []output.Sink  // what else gets every line
	syslog *output.Syslog // nil: not there
}

// logf writes one line, if the level is wanted. It never fails: a full disk
// must not stop the supervision.
func (j *journal) log(l conf.Level, text string) {
	if l < j.level {
		return
	}
	line := renderLine(time.Now(), l, text)
	if j.file != nil {
		j.file.Write(line) // the file reports its own trouble, once
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
