package conf

import (
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
)

// outcome is the value, or the error's text after "! ".
func outcome[T any](v T, err error) string {
	if err != nil {
		return "! " + err.Error()
	}
	return fmt.Sprint(v)
}

func TestDatatypes(t *testing.T) {
	host := (&Host{
		Environ:    []string{"HOME=/home/me"},
		IsDir:      func(p string) bool { return p == "/tmp" || p == "/" || p == "/home/me" },
		UserByName: func(string) (User, bool) { return User{}, false },
	}).whole()
	integer := func(s string) string { return outcome(ParseInt(s)) }
	boolean := func(s string) string { return outcome(ParseBool(s)) }
	size := func(s string) string { return outcome(ParseByteSize(s)) }
	octal := func(s string) string { return outcome(ParseOctal(s)) }
	level := func(s string) string { return outcome(ParseLevel(s)) }
	exits := func(s string) string { return outcome(parseExitCodes(s)) }
	restart := func(s string) string { return outcome(parseAutorestart(s)) }
	name := func(s string) string { return outcome(parseName(s)) }
	dir := func(s string) string { return outcome(existingDir(s, host)) }
	file := func(s string) string { return outcome(existingDirpath(s, host)) }
	log := func(s string) string { return outcome(parseLogTarget(s, host)) }
	inet := func(s string) string {
		h, p, err := parseInet(s)
		return outcome(fmt.Sprintf("%q %d", h, p), err)
	}
	signal := func(s string) string {
		sig, err := ParseSignal(s)
		return outcome(SignalName(sig), err)
	}
	list := func(s string) string { return fmt.Sprintf("%q", parseList(s)) }

	for _, tt := range []struct {
		kind  string
		parse func(string) string
		rows  [][2]string
	}{
		{"an integer", integer, [][2]string{
			{"5", "5"}, {"+5", "5"}, {"-5", "-5"}, {"007", "7"}, {"1_000", "1000"}, {" 5\t", "5"}, {"٣", "3"}, {"５", "5"},
			{"", "! invalid literal for int() with base 10: ''"}, {"1.5", "! invalid literal for int() with base 10: '1.5'"},
			{"0x10", "! invalid literal for int() with base 10: '0x10'"}, {"_1", "! invalid literal for int() with base 10: '_1'"},
			{"1_", "! invalid literal for int() with base 10: '1_'"}, {"1__0", "! invalid literal for int() with base 10: '1__0'"},
			{"+-1", "! invalid literal for int() with base 10: '+-1'"}, {"- 1", "! invalid literal for int() with base 10: '- 1'"},
			{"it's", `! invalid literal for int() with base 10: "it's"`},
			{"99999999999999999999999", fmt.Sprint(math.MaxInt64)}, {"-99999999999999999999999", fmt.Sprint(-math.MaxInt64)},
		}},
		{"a boolean", boolean, [][2]string{
			{"yes", "true"}, {"TRUE", "true"}, {"On", "true"}, {"1", "true"}, {"no", "false"}, {"False", "false"}, {"OFF", "false"}, {"0", "false"},
			{"MAYBE", "! not a valid boolean value: 'MAYBE'"}, {"", "! not a valid boolean value: ''"}, {"y", "! not a valid boolean value: 'y'"},
		}},
		{"a byte size", size, [][2]string{
			{"0", "0"}, {"1024", "1024"}, {"1KB", "1024"}, {"10 MB", "10485760"}, {"1gb", "1073741824"}, {"-1KB", "-1024"},
			{"9999999999999GB", fmt.Sprint(math.MaxInt64)}, {"-9999999999999GB", fmt.Sprint(-math.MaxInt64)},
			{"5XB", "! invalid literal for int() with base 10: '5xb'"}, {"5K", "! invalid literal for int() with base 10: '5k'"},
			{"1.5MB", "! invalid literal for int() with base 10: '1.5'"}, {"MB", "! invalid literal for int() with base 10: ''"},
		}},
		{"an octal number", octal, [][2]string{
			{"022", "18"}, {"22", "18"}, {"0o22", "18"}, {"0O22", "18"}, {"0_7", "7"}, {"0o_7", "7"}, {"-1", "-1"}, {" 7 ", "7"},
			{"9", "! 9 can not be converted to an octal type"}, {"", "!  can not be converted to an octal type"},
			{"0o", "! 0o can not be converted to an octal type"}, {"0o-7", "! 0o-7 can not be converted to an octal type"}, {"0o__7", "! 0o__7 can not be converted to an octal type"},
		}},
		{"a log level", level, [][2]string{
			{"info", "info"}, {"WARN", "warn"}, {"Blather", "blather"}, {"FOO", "! bad logging level name 'FOO'"}, {"warning", "! bad logging level name 'warning'"},
		}},
		{"exit codes", exits, [][2]string{
			{"0", "[0]"}, {"0, 2 ,255", "[0 2 255]"}, {"", "[]"}, {"0,300", "! not a valid list of exit codes: '0,300'"},
			{"0,,1", "! not a valid list of exit codes: '0,,1'"}, {"-1", "! not a valid list of exit codes: '-1'"}, {"x", "! not a valid list of exit codes: 'x'"},
		}},
		{"autorestart", restart, [][2]string{
			{"Unexpected", "unexpected"}, {"on", "true"}, {"0", "false"}, {"MayBe", "! invalid 'autorestart' value 'maybe'"},
		}},
		{"a name", name, [][2]string{
			{" a ", "a"}, {"", ""}, {"a[b]", "a[b]"}, {"a b:c", "! Invalid name: 'a b:c' because of character: ' '"},
			{"a/b:c", "! Invalid name: 'a/b:c' because of character: ':'"}, {"a/b", "! Invalid name: 'a/b' because of character: '/'"},
		}},
		{"an existing directory", dir, [][2]string{
			{"/tmp", "/tmp"}, {"~", "/home/me"}, {"/nope", "! /nope is not an existing directory"}, {"~/nope", "! ~/nope is not an existing directory"},
		}},
		{"a file in an existing directory", file, [][2]string{
			{"x.log", "x.log"}, {"", ""}, {"/x.log", "/x.log"}, {"//x.log", "//x.log"}, {"/tmp//x.log", "/tmp//x.log"}, {"~/x.log", "/home/me/x.log"}, {"~who/x", "! The directory named as part of the path ~who/x does not exist"},
			{"/nope/x", "! The directory named as part of the path /nope/x does not exist"},
		}},
		{"a child log", log, [][2]string{
			{"None", fmt.Sprint(logTarget{none: true})}, {"OFF", fmt.Sprint(logTarget{none: true})}, {"auto", fmt.Sprint(logTarget{auto: true})},
			{"SysLog", fmt.Sprint(logTarget{syslog: true})}, {"/tmp/x", fmt.Sprint(logTarget{file: "/tmp/x"})}, {"", fmt.Sprint(logTarget{})},
		}},
		{"an inet address", inet, [][2]string{
			{"9001", `"" 9001`}, {":9001", `"" 9001`}, {"*:9001", `"" 9001`}, {"LocalHost:1", `"localhost" 1`}, {"a:b:65535", `"a:b" 65535`}, {"[::1]:80", `"[::1]" 80`},
			{"abc", "! not a valid port number: 'abc' "}, {"", "! not a valid port number: '' "}, {"0", "! not a valid port number: '0' "},
			{"host:", "! no port number specified in ''"}, {"host:abc", "! invalid literal for int() with base 10: 'abc'"},
			{"h:99999", "! 99999 is above upper bound (65535)"}, {"h:0", "! 0 is below lower bound (1)"},
		}},
		{"a signal", signal, [][2]string{
			{"TERM", "SIGTERM"}, {"sigterm", "SIGTERM"}, {" int ", "SIGINT"}, {"9", "SIGKILL"}, {"0", "0"}, {"RTMIN", "SIGRTMIN"}, {"64", "SIGRTMAX"},
			{"CLD", "SIGCHLD"}, {"IOT", "SIGABRT"}, {"poll", "SIGIO"}, {"USR2", "SIGUSR2"},
			{"FOO", "! value 'FOO' is not a valid signal name"}, {"", "! value '' is not a valid signal name"}, {"RTMIN+3", "! value 'RTMIN+3' is not a valid signal name"},
			{"99", "! value '99' is not a valid signal number"}, {"35", "! value '35' is not a valid signal number"}, {"-1", "! value '-1' is not a valid signal number"},
		}},
		{"a list", list, [][2]string{{"", "[]"}, {"a", `["a"]`}, {" a , b", `["a" "b"]`}, {"a,", `["a" ""]`}}},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			for _, row := range tt.rows {
				if got := tt.parse(row[0]); got != row[1] {
					t.Errorf("%q: got %s, want %s", row[0], got, row[1])
				}
			}
		})
	}
}

func TestLevelsHaveTheirNames(t *testing.T) {
	var codes, words []string
	for _, l := range []Level{Critical, Error, Warn, Info, Debug, Trace, Blather} {
		codes = append(codes, l.Code())
		words = append(words, l.String())
	}
	if got := strings.Join(codes, " "); got != "CRIT ERRO WARN INFO DEBG TRAC BLAT" {
		t.Errorf("codes are %s", got)
	}
	if got := strings.Join(words, " "); got != "critical error warn info debug trace blather" {
		t.Errorf("words are %s", got)
	}
	if l := Level(7); l.Code() != "7" || l.String() != "7" {
		t.Errorf("a level between is %s, %s", l.Code(), l)
	}
}

func TestSignalsWithoutNameAreNumbers(t *testing.T) {
	if got := SignalName(syscall.Signal(40)); got != "40" {
		t.Errorf("got %s", got)
	}
}

func TestDigitsOfEveryScript(t *testing.T) {
	for zero, want := range map[rune]int64{'0': 0, '٠': 0, '९': 9, '𝟗': 9, '𝟚': 2, 'x': -1, '²': -1} {
		if got := digitValue(zero); got != want {
			t.Errorf("%c is %d, want %d", zero, got, want)
		}
	}
}

func TestRepr(t *testing.T) {
	for in, want := range map[string]string{
		"a": "'a'", "it's": `"it's"`, `it's "q"`: `'it\'s "q"'`, "\n\t\r\\": `'\n\t\r\\'`,
		"\x00\x7f\u00a0": `'\x00\x7f\xa0'`, "é": "'é'", "\u2028": `'\u2028'`, "\U000e0001": `'\U000e0001'`, "\xff": `'\udcff'`,
	} {
		if got := repr(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
	if got := asciiRepr("é"); got != `'\xe9'` {
		t.Errorf("asciiRepr gave %s", got)
	}
}

func TestEventTypesAreSorted(t *testing.T) {
	types := EventTypes()
	if len(types) != 27 {
		t.Errorf("there are %d event types", len(types))
	}
	for i, e := range types {
		if i > 0 && types[i-1] >= e {
			t.Errorf("%s stands after %s", e, types[i-1])
		}
		if !isEventType(e) {
			t.Errorf("%s is not found", e)
		}
	}
	if isEventType("TICK_7") || isEventType("") {
		t.Error("TICK_7 or nothing is an event type")
	}
}
