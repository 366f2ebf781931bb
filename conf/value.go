package conf

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The datatypes. Each takes the text of a value and gives the original's message
// when it cannot be one.

// ParseInt reads a whole number as the original does: a sign, digits of any
// script, single underscores between them, white space around. What is beyond
// 64 bits becomes the nearest number that is not.
func ParseInt(s string) (int, error) {
	n, err := pythonInt(s)
	return int(n), err
}

func pythonInt(s string) (int64, error) {
	return parseDigits(trim(s), 10, s)
}

// parseDigits reads digits of a base, of whatever script. orig is what the error
// quotes.
func parseDigits(s string, base int64, orig string) (int64, error) {
	negative := false
	if s != "" && (s[0] == '+' || s[0] == '-') {
		negative = s[0] == '-'
		s = s[1:]
	}
	var n int64
	digit := false // the character before was one
	for _, r := range s {
		if r == '_' {
			if !digit {
				return 0, textf(msgInt, repr(orig))
			}
			digit = false
			continue
		}
		d := digitValue(r)
		if d < 0 || d >= base {
			return 0, textf(msgInt, repr(orig))
		}
		digit = true
		if n > (math.MaxInt64-d)/base {
			n = math.MaxInt64 // stays there: the next digit cannot lower it
		} else if n != math.MaxInt64 {
			n = n*base + d
		}
	}
	if !digit {
		return 0, textf(msgInt, repr(orig))
	}
	if negative {
		n = -n
	}
	return n, nil
}

// digitValue is the value of a decimal digit of any script, or -1. Unicode keeps
// the ten digits of a script together, zero first.
func digitValue(r rune) int64 {
	if r >= '0' && r <= '9' {
		return int64(r - '0')
	}
	if !unicode.Is(unicode.Nd, r) {
		return -1
	}
	// A range of the table may hold several scripts, but its length is
	// always a multiple of ten.
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return int64(r-rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return int64(r-rune(t.Lo)) % 10
		}
	}
	return -1
}

// ParseBool reads yes, true, on, 1 and no, false, off, 0 in any case.
func ParseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	}
	return false, textf(msgBool, repr(s))
}

// ParseByteSize reads a number of bytes, with KB, MB or GB after it if wanted.
func ParseByteSize(s string) (int64, error) {
	s = strings.ToLower(s)
	factor := int64(1)
	for i, unit := range []string{"kb", "mb", "gb"} {
		if strings.HasSuffix(s, unit) {
			factor = 1 << (10 * (i + 1))
			s = s[:len(s)-2]
			break
		}
	}
	n, err := pythonInt(s)
	switch {
	case err != nil:
		return 0, err
	case n > math.MaxInt64/factor:
		return math.MaxInt64, nil
	case n < -math.MaxInt64/factor:
		return -math.MaxInt64, nil
	}
	return n * factor, nil
}

// ParseOctal reads a file mode or umask in base 8, with 0o before it if wanted.
func ParseOctal(s string) (int, error) {
	digits, sign := trim(s), ""
	if digits != "" && (digits[0] == '+' || digits[0] == '-') {
		sign, digits = digits[:1], digits[1:]
	}
	if len(digits) > 2 && digits[0] == '0' && (digits[1] == 'o' || digits[1] == 'O') {
		digits = strings.TrimPrefix(digits[2:], "_")
	}
	if strings.HasPrefix(digits, "+") || strings.HasPrefix(digits, "-") {
		return 0, textf(msgOctal, s)
	}
	n, err := parseDigits(sign+digits, 8, s)
	if err != nil {
		return 0, textf(msgOctal, s)
	}
	return int(n), nil
}

// parseList splits at commas and strips each item. Empty text is an empty list,
// but an empty item is an item.
func parseList(s string) []string {
	if s == "" {
		return nil
	}
	items := strings.Split(s, ",")
	for i := range items {
		items[i] = trim(items[i])
	}
	return items
}

func parseExitCodes(s string) ([]int, error) {
	codes := []int{}
	for _, item := range parseList(s) {
		n, err := pythonInt(item)
		if err != nil || n < 0 || n > 255 {
			return nil, textf(msgExitCodes, repr(s))
		}
		codes = append(codes, int(n))
	}
	return codes, nil
}

func parseAutorestart(s string) (Autorestart, error) {
	s = strings.ToLower(s)
	if s == string(RestartUnexpected) {
		return RestartUnexpected, nil
	}
	b, err := ParseBool(s)
	if err != nil {
		return "", textf(msgAutorestart, repr(s))
	}
	if b {
		return RestartAlways, nil
	}
	return RestartNever, nil
}

// parseName checks the name of a program, process or group.
func parseName(s string) (string, error) {
	s = trim(s)
	for _, c := range []string{" ", ":", "/"} {
		if strings.Contains(s, c) {
			return "", textf(msgName, repr(s), repr(c))
		}
	}
	return s, nil
}

// ExistingDir reads the path of a directory, which must be there.
func ExistingDir(s string, h *Host) (string, error) {
	return existingDir(s, h.whole())
}

func existingDir(s string, h *Host) (string, error) {
	p := h.expandUser(s)
	if !h.IsDir(p) {
		return "", noDir(textf(msgDir, s), p, h)
	}
	return p, nil
}

// noDir says what may be done about a directory that is not there.
func noDir(err error, dir string, h *Host) error {
	if dir == "" || strings.ContainsAny(dir[:1], `'"`) || h.Exists(dir) {
		return err
	}
	return withHint(err, "create the directory "+dir)
}

// ExistingDirpath reads the path of a file, whose directory must be there.
func ExistingDirpath(s string, h *Host) (string, error) {
	return existingDirpath(s, h.whole())
}

func existingDirpath(s string, h *Host) (string, error) {
	p := h.expandUser(s)
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		dir := strings.TrimRight(p[:i], "/")
		if dir == "" {
			dir = "/"
		}
		if !h.IsDir(dir) {
			return "", noDir(textf(msgDirPath, s), dir, h)
		}
	}
	return p, nil
}

// logTarget is what a program's stdout_logfile= or stderr_logfile= asks for.
type logTarget struct {
	auto, syslog, none bool
	file               string
}

func parseLogTarget(s string, h *Host) (logTarget, error) {
	switch strings.ToLower(s) {
	case "none", "off":
		return logTarget{none: true}, nil
	case "auto":
		return logTarget{auto: true}, nil
	case "syslog":
		return logTarget{syslog: true}, nil
	}
	file, err := existingDirpath(s, h)
	return logTarget{file: file}, err
}

// parsePort reads a TCP port number.
func parsePort(s string) (int, error) {
	n, err := pythonInt(s)
	switch {
	case err != nil:
		return 0, err
	case n > 65535:
		return 0, textf(msgAbove, n, 65535)
	case n < 1:
		return 0, textf(msgBelow, n, 1)
	}
	return int(n), nil
}

// parseInet reads "port", "host:port", ":port" or "*:port".
func parseInet(s string) (host string, port int, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		if port, err = parsePort(s); err != nil {
			return "", 0, textf(msgPort, repr(s))
		}
		return "", port, nil
	}
	if s[i+1:] == "" {
		return "", 0, textf(msgNoPortGiven, repr(s[i+1:]))
	}
	if port, err = parsePort(s[i+1:]); err != nil {
		return "", 0, err
	}
	if host = strings.ToLower(s[:i]); host == "*" {
		host = ""
	}
	return host, port, nil
}

// ParseLevel reads the name of a log level, in any case.
func ParseLevel(s string) (Level, error) {
	for _, l := range levels {
		if strings.EqualFold(s, l.word) {
			return l.level, nil
		}
	}
	return 0, textf(msgLevel, repr(s))
}

var levels = []struct {
	level Level
	word  string
	code  string
}{
	{Critical, "critical", "CRIT"},
	{Error, "error", "ERRO"},
	{Warn, "warn", "WARN"},
	{Info, "info", "INFO"},
	{Debug, "debug", "DEBG"},
	{Trace, "trace", "TRAC"},
	{Blather, "blather", "BLAT"},
}

// Code is the level's name in a line of the activity log, such as WARN.
func (l Level) Code() string {
	for _, e := range levels {
		if e.level == l {
			return e.code
		}
	}
	return strconv.Itoa(int(l))
}

// String is the level's name in a configuration file, such as warn.
func (l Level) String() string {
	for _, e := range levels {
		if e.level == l {
			return e.word
		}
	}
	return strconv.Itoa(int(l))
}

// The words of our own keys that take one of a few.
var (
	onFatals     = []OnFatal{FatalIgnored, FatalShutdown, FatalShutdownAll}
	onExits      = []OnExit{ExitIgnored, ExitShutdown, ExitShutdownFailure}
	exitStatuses = []ExitStatus{ExitAuto, ExitZero}
)

// readWord reads a key that takes one of a few words, in any case.
func readWord[T ~string](s *scope, key string, def T, words []T) T {
	return read(s, key, def, func(value string) (T, error) {
		if w := T(strings.ToLower(value)); slices.Contains(words, w) {
			return w, nil
		}
		return "", textf("not one of %s: %s", joinWords(words), Repr(value))
	})
}

func joinWords[T ~string](words []T) string {
	var list []string
	for _, w := range words {
		list = append(list, string(w))
	}
	return strings.Join(list, ", ")
}
