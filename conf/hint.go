package conf

import (
	"cmp"
	"slices"
	"strings"
)

// nearest finds the candidate that word was most likely meant to be, or "" when
// none is close enough to be worth saying.
func nearest(word string, candidates []string) string {
	if len(word) < 3 || len(word) > 64 {
		return ""
	}
	limit := 1 + len(word)/5
	best, at := "", limit+1
	for _, c := range candidates {
		if d := distance(word, c, limit); d > 0 && d < at {
			best, at = c, d
		}
	}
	return best
}

// distance counts the letters that must be changed, added, dropped or swapped
// with their neighbour to make b of a. Beyond limit it is only known to be more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	var before, last, row []int
	for j := range len(b) + 1 {
		last = append(last, j)
	}
	for i := 1; i <= len(a); i++ {
		row = append(row[:0:0], i)
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			row = append(row, d)
		}
		before, last = last, row
	}
	return last[len(b)]
}

// valueHint says what may be done about a value and the error that it caused.
// Quotes that are part of a value explain more than what came of them.
func valueHint(key, value string, err error) string {
	if hint := hintFor(key, value); hint == hintQuotes {
		return hint
	}
	return cmp.Or(hintOf(err), hintFor(key, value))
}

const hintQuotes = "leave the quotes out: they are part of the value"

// hintFor says what a wrong value was likely meant to be.
func hintFor(key, value string) string {
	lower := strings.ToLower(value)
	switch {
	case strings.HasSuffix(key, "maxbytes"), key == "log_ring", key == "log_max_line":
		if n := len(lower); n > 1 && strings.IndexByte("kmg", lower[n-1]) >= 0 {
			return "write " + value + "B"
		}
		return "a number of bytes, or one with KB, MB or GB"
	case key == "buffer_policy":
		return "one of drop_oldest, block, grow:N"
	case key == "autorestart":
		return "one of true, false, unexpected"
	case key == "stopsignal":
		return "a signal such as TERM, INT, QUIT, HUP, KILL, USR1 or USR2"
	case key == "on_exit" && lower == "true", key == "on_fatal" && lower == "true":
		return "write " + key + "=shutdown"
	case key == "kill_scope":
		if near := nearest(lower, strings.Split(joinWords(killScopes), ", ")); near != "" {
			return "did you mean " + near + "?"
		}
	case key == "log_format":
		return "one of raw, prefix, json, logfmt"
	case key == "log_backpressure":
		return "one of block, drop, ring"
	case key == "log_timestamps":
		return "one of none, rfc3339, epoch"
	case key == "update_mode":
		return "one of process, group"
	case key == "access":
		return "one of read, operate, admin"
	case key == "loglevel":
		if lower == "warning" {
			return "write warn"
		}
		return "one of critical, error, warn, info, debug, trace, blather"
	case key == "environment", key == "env_default":
		return environmentHint(value)
	case key == "env_from_file":
		return "write NAME=/path/of/file,NAME2=/path"
	case key == "env_file", key == "env_dir":
		return "paths with commas between them; a - before one says that it need not be there"
	case key == "env_unset", key == "env_pass":
		return "names such as LANG or LC_* with commas between them"
	case slices.Contains(controlKeys, key):
		return controlHint(key, value)
	case slices.Contains(limitKeys(), key) && limitHint(key) != "":
		return limitHint(key)
	case key == "reload_timeout":
		return "seconds; 0: as long as it takes"
	case key == "supplementary_from":
		return "one of files, getent"
	case key == "user_mismatch":
		return "one of fail, warn"
	case key == "groups":
		return "auto, none, or names or numbers of groups with commas between them"
	case slices.Contains([]string{"umask", "chmod", "socket_mode"}, key):
		return "an octal number such as 022 or 0700"
	case slices.Contains(booleanKeys, key):
		return "one of true, false"
	case len(value) > 1 && strings.IndexByte(`'"`, value[0]) >= 0 && value[0] == value[len(value)-1]:
		return hintQuotes
	}
	return ""
}

var booleanKeys = []string{
	"autostart", "redirect_stderr", "stopasgroup", "killasgroup", "nodaemon",
	"allow_unauthenticated", "health_without_auth", "silent", "nocleanup", "strip_ansi", "strict", "stdout_syslog", "stderr_syslog",
	"stdout_events_enabled", "stderr_events_enabled", "env_clear", "login_env", "require_pidfile", "no_new_privs", "limits_strict",
}

func environmentHint(value string) string {
	for _, quote := range []string{`"`, `'`} {
		if strings.Count(value, quote)%2 == 1 {
			return "a closing " + quote + " is missing"
		}
	}
	if n := len(value); n > 1 && value[0] == value[n-1] && strings.IndexByte(`'"`, value[0]) >= 0 && strings.Count(value, value[:1]) == 2 {
		return `put the quotes around the value alone: KEY="value"`
	}
	return `write KEY="value",KEY2="value2"`
}
