package logfile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

const (
	autoLetters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	autoRandom  = 8
	nameMax     = 255 // what file systems allow
)

// AutoName returns a new name, without directory, for a log that the
// configuration leaves to the daemon: PROCESS-CHANNEL---IDENTIFIER-RANDOM.log.
func AutoName(process, channel, identifier string) string {
	tail := "-" + channel + "---" + oneName(identifier) + "-" + random() + ".log"
	process = oneName(process)
	if room := nameMax - len(tail); len(process) > room {
		process = process[:max(room, 1)]
	}
	return process + tail
}

// oneName makes s fit to be part of one file name.
func oneName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == 0 {
			return '_'
		}
		return r
	}, s)
}

// random returns letters that nobody can foresee: the directory may be /tmp. The
// runtime's generator is ChaCha8 with a key from the system, and a file that is
// there already is never taken for a new one.
func random() string {
	name := make([]byte, autoRandom)
	for i := range name {
		name[i] = autoLetters[rand.IntN(len(autoLetters))]
	}
	return string(name)
}

// CreateAuto creates the empty file at path for its owner alone. It is an
// error if anything is there.
func CreateAuto(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, AutoMode)
	if err != nil {
		return fmt.Errorf("create log %q: %w", path, bare(err))
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("create log %q: %w", path, bare(err))
	}
	return nil
}

// AutoMode is the Spec.Mode of a log that CreateAuto made.
const AutoMode os.FileMode = 0o600

// StaleAuto returns the paths of the logs in dir that an earlier run with the
// same identifier left there, rotated ones included, in the order of their
// names. The random part has no hyphen in it; without this the identifier "a"
// would claim the logs of a neighbour that is called "a-b".
func StaleAuto(dir, identifier string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list logs in %q: %w", dir, bare(err))
	}
	middle := "---" + oneName(identifier) + "-"
	var paths []string
	for _, e := range entries {
		if isAuto(e.Name(), middle) && !e.IsDir() {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	sort.Strings(paths)
	return paths, nil
}

// isAuto tells whether a file is called as an automatic log is, or one that was rotated:
// a process and a channel, then middle, then letters without blanks and hyphens, ".log",
// and perhaps a point and up to four digits.
func isAuto(name, middle string) bool {
	at := strings.LastIndexByte(name, '-') // the letters have none, and middle ends with one
	if at < 0 || at+1 <= len(middle) || !strings.HasSuffix(name[:at+1], middle) {
		return false
	}
	end := strings.LastIndex(name, ".log")
	if end <= at+1 || strings.ContainsAny(name[at+1:end], "\t\n\f\r ") {
		return false
	}
	number := name[end+len(".log"):]
	return number == "" || number[0] == '.' && len(number) <= 5 && strings.Trim(number[1:], "0123456789") == ""
}
