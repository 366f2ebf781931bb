package conf

import (
	"strings"
	"unicode"
)

// LineLog says how what a process writes to the daemon's own descriptors - the
// container's log - stands there.
type LineLog struct {
	Format     LogFormat
	Prefix     string // of LogPrefix; a blank follows it
	Timestamps LogTimestamps
	MaxLine    int // bytes; a longer line is split
	PartialMS  int // after so long a line without its end is written; 0: never

	Backpressure Backpressure
}

// Backpressure says what is done with lines for which there is no room because
// nobody reads.
type Backpressure string

// The values of log_backpressure=.
const (
	BackpressureBlock Backpressure = "block" // the program waits
	BackpressureDrop  Backpressure = "drop"  // they are dropped and counted
	BackpressureRing  Backpressure = "ring"  // the newest log_ring bytes are kept, the others dropped
)

// LogFormat is the form of a line.
type LogFormat string

// The values of log_format=.
const (
	LogRaw    LogFormat = "raw" // as it was written, nothing added
	LogPrefix LogFormat = "prefix"
	LogJSON   LogFormat = "json"
	LogFmt    LogFormat = "logfmt"
)

// LogTimestamps is the form of the time in a line.
type LogTimestamps string

// The values of log_timestamps=.
const (
	StampNone    LogTimestamps = "none"
	StampRFC3339 LogTimestamps = "rfc3339"
	StampEpoch   LogTimestamps = "epoch"
)

var (
	logFormats    = []LogFormat{LogRaw, LogPrefix, LogJSON, LogFmt}
	backpressures = []Backpressure{BackpressureBlock, BackpressureDrop, BackpressureRing}
	logTimestamps = []LogTimestamps{StampNone, StampRFC3339, StampEpoch}
)

// ownOutput as the name of a log is the daemon's own stdout or stderr. (A file of
// that name is ./-.)
const ownOutput = "-"

const (
	defaultLogPrefix = "%(process_name)s |"

	defaultMaxLine = 16 << 10
	minMaxLine     = 64
	maxMaxLine     = 1 << 20

	defaultPartialMS = 200
	maxPartialMS     = 60_000
)

// lineLog reads what is the same for every process of the section.
func (s *scope) lineLog() LineLog {
	g := LineLog{
		Format: LogRaw, Timestamps: StampNone, MaxLine: defaultMaxLine, PartialMS: defaultPartialMS, Backpressure: BackpressureBlock,
	}
	if s.original {
		return g
	}
	g.Format = readWord(s, "log_format", g.Format, logFormats)
	g.Timestamps = readWord(s, "log_timestamps", g.Timestamps, logTimestamps)
	g.MaxLine = read(s, "log_max_line", g.MaxLine, parseMaxLine)
	g.PartialMS = read(s, "log_partial_ms", g.PartialMS, parsePartialMS)
	g.Backpressure = readWord(s, "log_backpressure", g.Backpressure, backpressures)
	return g
}

func parseMaxLine(s string) (int, error) {
	n, err := ParseByteSize(s)
	switch {
	case err != nil:
		return 0, err
	case n < minMaxLine || n > maxMaxLine:
		return 0, textf(msgMaxLine, Repr(s), minMaxLine, maxMaxLine>>20)
	}
	return int(n), nil
}

func parsePartialMS(s string) (int, error) {
	n, err := parseCountInt(s)
	if err == nil && (n < 0 || n > maxPartialMS) {
		err = textf(msgPartialMS, n, maxPartialMS)
	}
	return n, err
}

// logPrefix reads log_prefix= of one process. Besides the names of the section it
// knows the process's own.
func (s *scope) logPrefix(process string) string {
	prefix := strings.Replace(defaultLogPrefix, "%(process_name)s", strings.Map(printable, process), 1)
	if s.original || s.option("log_prefix") == nil {
		return prefix
	}
	return read(s.in(s.names.with(texts("process_name", process))), "log_prefix", prefix, parseLogPrefix)
}

// printable replaces what would make more than one line of a line.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return '?'
	}
	return r
}

// parseLogPrefix refuses what would make more than one line of a line.
func parseLogPrefix(s string) (string, error) {
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		return "", textf(msgLogPrefix, Repr(s))
	}
	return s, nil
}

// checkLineLog warns of keys that are there and have no effect. Those of
// [program-defaults] are for programs of all kinds.
func (c *programCheck) checkLineLog(s *scope, p *Program) {
	if p.Log.Format == LogRaw {
		for _, key := range []string{"log_prefix", "log_timestamps"} {
			if opt := s.sec.option(key); opt != nil {
				s.warn(key, opt, key+" has no effect with log_format=raw", "set log_format=prefix, json or logfmt")
			}
		}
	}
	if p.Stdout.unnamed() && p.Stderr.unnamed() {
		for _, key := range []string{"log_format", "log_backpressure"} {
			if opt := s.sec.option(key); opt != nil {
				s.warn(key, opt, key+" has no effect: neither output goes to that of supervisord", "set stdout_logfile=/dev/stdout")
			}
		}
	}
}

// unnamed tells whether an output goes to nothing that the file names.
func (o Output) unnamed() bool { return o.Auto || o.Logfile == "" }
