package conf

import (
	"errors"
	"strings"
	"testing"
)

func TestDetailsDoNotSayTheFirstLineAgain(t *testing.T) {
	for text, want := range map[string]string{
		"[program:p]\ncommand=%(ENV_HOMES)s\n":      "/c/s.conf:3: [program:p] command: the environment variable HOMES is not set (did you mean %(ENV_HOME)s?)",
		"[program:p]\ncommand=%(ENV_ZZZ)s\n":        "/c/s.conf:3: [program:p] command: the environment variable ZZZ is not set",
		"[program:p]\ncommand=%(zzz)s\n":            "/c/s.conf:3: [program:p] command: the name 'zzz' is unknown",
		"[program:p]\ncommand=x\ndirectory=100%\n":  "/c/s.conf:4: [program:p] directory: incomplete format (write %% for a percent sign)",
		"logfile=/nope/x.log\n":                     "/c/s.conf:2: [supervisord] logfile: The directory named as part of the path /nope/x.log does not exist (create the directory /nope)",
		"childlogdir=/c/s.conf\n":                   "/c/s.conf:2: [supervisord] childlogdir: /c/s.conf is not an existing directory",
		"childlogdir='/tmp'\n":                      "/c/s.conf:2: [supervisord] childlogdir: '/tmp' is not an existing directory (leave the quotes out: they are part of the value)",
		"user=\n":                                   `/c/s.conf:2: [supervisord] user: Invalid user name "" (write a name or a number, or leave the key out)`,
		"[program:p]\ncommand=x\nuser=nope\n":       "/c/s.conf:4: [program:p] user: Invalid user name nope (no such user in /etc/passwd)",
		"[program:p]\ncommand=x\nenvironment=A=%\n": "/c/s.conf:4: [program:p] environment: incomplete format (write %% for a percent sign)",
	} {
		_, err := loadString("[supervisord]\n" + text)
		var le *LoadError
		if !errors.As(err, &le) || len(le.Details()) != 1 || le.Details()[0] != want || strings.HasPrefix(le.Details()[0], le.First()) {
			t.Errorf("%s: got\n%v\nwant\n%s", text, err, want)
		}
	}
}

func TestAFileThatIsNotThereIsToldOfOnce(t *testing.T) {
	_, err := Load("/c/nope.conf", (&Host{}).whole())
	var le *LoadError
	const want = "could not find config file /c/nope.conf"
	if !errors.As(err, &le) || len(le.Details()) != 0 || le.First() != want || le.Error() != want {
		t.Errorf("got %v", err)
	}
}
