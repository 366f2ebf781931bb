package conf

import (
	"strings"
	"testing"
)

func TestIdentity(t *testing.T) {
	const prog = "[supervisord]\n[program:p]\ncommand=x\n"
	for _, tt := range []struct{ name, text, want string }{
		{"nobody in particular", prog, " | false"},
		{"a user", prog + "user=web\n", "web (uid 33, gid 34, groups 34 4 5) | false"},
		{"a number without an entry", prog + "user=12345\n", "12345 (uid 12345, gid 12345, groups 12345) | false"},
		{"two numbers", prog + "user=12345:0\n", "12345:0 (uid 12345, gid 0, groups 0) | false"},
		{"another group takes the place of the first", prog + "user=web\ngroup=adm\n", "web (uid 33, gid 4, groups 4 5) regroups | false"},
		{"a group by number", prog + "user=web\ngroup=777\n", "web (uid 33, gid 777, groups 777 4 5) regroups | false"},
		{"no more groups", prog + "user=web\ngroups=none\n", "web (uid 33, gid 34, groups 34) regroups | false"},
		{"other groups", prog + "user=web\ngroups=tty, 0,tty,web\n", "web (uid 33, gid 34, groups 34 5 0) regroups | false"},
		{"the groups of the user, in so many words", prog + "user=web\ngroups=AUTO\n", "web (uid 33, gid 34, groups 34 4 5) | false"},
		{"an empty group is none", prog + "user=web\ngroup=\ngroups=\n", "web (uid 33, gid 34, groups 34 4 5) | false"},
		{"a group without a user", prog + "group=adm\n", "(gid 4) regroups | false"},
		{"groups without a user", prog + "groups=tty\n", "(groups 5) regroups | false"},
		{"no groups without a user", prog + "groups=none\n", "(groups none) regroups | false"},
		{"both without a user", prog + "group=adm\ngroups=tty\n", "(gid 4, groups 4 5) regroups | false"},
		{"one user's change is not another's", prog + "user=web\n[program:a]\ncommand=x\nuser=web\ngroups=none\n", "web (uid 33, gid 34, groups 34) regroups | false"},

		{"who the user is", prog + "user=web\nlogin_env=true\n", "web (uid 33, gid 34, groups 34 4 5) | true (web, home /srv/web, shell /bin/sh)"},
		{"who a number is", prog + "user=33\nlogin_env=true\n", "33 (uid 33, gid 34, groups 34 4 5) | true (web, home /srv/web, shell /bin/sh)"},
		{"who nobody is", prog + "user=12345\nlogin_env=true\n", "12345 (uid 12345, gid 12345, groups 12345) | true (12345, home /, shell /bin/sh)"},
		{"who the daemon is", prog + "login_env=true\n", " | true (root, home /root, shell /bin/sh)"},
		{"who the daemon is going to be", "[supervisord]\nuser=%(ENV_WHO)s\nenv_default=WHO=web\n[program:p]\ncommand=x\nlogin_env=true\n", " | true (web, home /srv/web, shell /bin/sh)"},

		{"an unknown group", prog + "group=nope\n", ":4: [program:p] group: Invalid group name nope (no such group in /etc/group)"},
		{"a group for the kernel alone", prog + "group=4294967295\n", ":4: [program:p] group: Invalid group id 4294967295"},
		{"an unknown group among others", prog + "groups=adm,nope\n", ":4: [program:p] groups: Invalid group name nope (no such group in /etc/group)"},
		{"a comma too many", prog + "groups=adm,\n", ":4: [program:p] groups: Invalid group name  (no such group in /etc/group)"},
		{"neither fail nor warn", "[supervisord]\nuser_mismatch=no\n", ":2: [supervisord] user_mismatch: not one of fail, warn: 'no' (one of fail, warn)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := loadString(tt.text)
			got := ""
			if err != nil {
				got = strings.TrimPrefix(err.(*LoadError).Details()[0], "/c/s.conf")
			} else {
				p := c.Groups[0].Programs[0]
				got = accountText(p.User)
				if p.Regroups() {
					got += " regroups"
				}
				got += " | " + loginText(p)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestWhoTheDaemonIsWhenItCannotBecomeAnybody has no root.
func TestWhoTheDaemonIsWhenItCannotBecomeAnybody(t *testing.T) {
	h := machine(map[string]string{"/c/s.conf": "[supervisord]\nuser=web\nuser_mismatch=Warn\n[program:p]\ncommand=x\nlogin_env=true\n"})
	h.Getuid = func() int { return 12345 }
	c, err := Load("/c/s.conf", h)
	if err != nil {
		t.Fatal(err)
	}
	if got := *c.Groups[0].Programs[0].Login; got != (Login{"12345", "/", "/bin/sh"}) || c.Server.UserMismatch != MismatchWarns {
		t.Errorf("got %+v, %s", got, c.Server.UserMismatch)
	}
}

func TestCheckOfUsersWithoutAnEntry(t *testing.T) {
	const warning = "no user has the number 777; its group is taken to be 777, too (write user=UID:GID, or set group=)"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nobody knows the group", "user=777\n[program:a]\ncommand=cat\nuser=777\n[hook:h]\ncommand=cat\nevents=EVENT\nuser=777\n", []string{
			":2: warning: [supervisord] user: " + warning, ":5: warning: [program:a] user: " + warning, ":9: warning: [hook:h] user: " + warning}},
		{"the group is named", "user=777:7\n[program:a]\ncommand=cat\nuser=777:777\n[program:b]\ncommand=cat\nuser=777\ngroup=adm\n", nil},
		{"the user is known", "user=33\n[program:a]\ncommand=cat\nuser=web\n[program:b]\ncommand=cat\ngroup=adm\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, line := range lines(withoutNotes(Check("/c/s.conf", checked(map[string]string{"/c/s.conf": "[supervisord]\n" + tt.text})))) {
				got = append(got, strings.TrimPrefix(line, "/c/s.conf"))
			}
			compareLines(t, got, tt.want)
		})
	}
	compareLines(t, lines(CheckUpstream("/c/s.conf", checked(map[string]string{"/c/s.conf": "[supervisord]\nuser=777\n[program:a]\ncommand=cat\nuser=33:33\n"}))), []string{
		"/c/s.conf:5: error: [program:a] user: Invalid user name 33:33 (no such user in /etc/passwd)",
		"/c/s.conf:2: error: [supervisord] user: Invalid user id 777 (no such user in /etc/passwd)",
	})
}
