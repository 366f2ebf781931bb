package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fakeGetent is a directory service: what it answers to, and all that it was asked.
type fakeGetent struct {
	answers map[string]string
	status  map[string]int
	fails   map[string]error
	asked   []string
}

func (f *fakeGetent) ask(args ...string) (string, int, error) {
	question := strings.Join(args, " ")
	f.asked = append(f.asked, question)
	if err := f.fails[question]; err != nil {
		return "", 0, err
	}
	if status, set := f.status[question]; set {
		return "", status, nil
	}
	text, known := f.answers[question]
	if !known {
		return "", getentUnknown, nil
	}
	return text, getentFound, nil
}

func service() *fakeGetent {
	return &fakeGetent{status: map[string]int{}, fails: map[string]error{}, answers: map[string]string{
		"passwd ldap":     "ldap:*:7001:7000:A. Nother:/home/ldap:/bin/zsh\n",
		"passwd 7001":     "ldap:*:7001:7000:A. Nother:/home/ldap:/bin/zsh\n",
		"initgroups ldap": "ldap                  7000 7010 7020\n",
		"passwd odd":      "odd:*:many:7000::/:/bin/sh\n",
		"passwd high":     "high:*:4294967295:7000::/:/bin/sh\n",
		"group staff":     "staff:*:7010:ldap,other\n",
		"group":           "users:*:7000:\nstaff:*:7010:ldap,other\nmore:*:7030:x,ldap\n",
		"group 7010":      "staff:*:7010:ldap,other\n",
		"initgroups web":  "web 7040\n",
	}}
}

func TestUsersOfADirectoryService(t *testing.T) {
	const program = "[program:p]\ncommand=x\n"
	for _, tt := range []struct {
		name, text, want string
		change           func(*fakeGetent)
	}{
		{"a user", program + "user=ldap\n", "uid 7001, gid 7000, groups [7000 7010 7020]", nil},
		{"a number that it knows", program + "user=7001\n", "uid 7001, gid 7000, groups [7000 7010 7020]", nil},
		{"a number that nobody has", program + "user=7999\n", "uid 7999, gid 7999, groups [7999]", nil},
		{"a user of the files, with more groups", program + "user=web\n", "uid 33, gid 34, groups [34 4 5 7040]", nil},
		{"a group", program + "user=web\ngroup=staff\ngroups=none\n", "uid 33, gid 7010, groups [7010]", nil},
		{"groups", program + "user=web\ngroups=staff,7999\n", "uid 33, gid 34, groups [34 7010 7999]", nil},
		{"without initgroups", program + "user=ldap\n", "uid 7001, gid 7000, groups [7000 7010 7030]",
			func(f *fakeGetent) { f.status["initgroups ldap"] = getentUsage }},
		{"the user that nobody is", program + "user=nosuch\n", "[program:p] user: Invalid user name nosuch (no such user in /etc/passwd, and getent knows none)", nil},
		{"the group that nothing is", program + "group=nosuch\n", "[program:p] group: Invalid group name nosuch (no such group in /etc/group, and getent knows none)", nil},
		{"a line that is none", program + "user=odd\n", "Invalid user name odd", nil},
		{"a number that is none", program + "user=high\n", "Invalid user name high", nil},
		{"a name that is an option", program + "user=-s\n", "Invalid user name -s", nil},
		{"no answer", program + "user=ldap\n", "/c/s.conf:2: [supervisord] supplementary_from: getent passwd ldap: not done after 10s (ask them)",
			func(f *fakeGetent) { f.fails["passwd ldap"] = withHint(errors.New("not done after 10s"), "ask them") }},
		{"no answer about groups", program + "user=ldap\n", "/c/s.conf:2: [supervisord] supplementary_from: getent initgroups ldap: not done",
			func(f *fakeGetent) { f.fails["initgroups ldap"] = errors.New("not done") }},
		{"a failure", program + "user=ldap\n", "/c/s.conf:2: [supervisord] supplementary_from: getent passwd ldap: exit status 127",
			func(f *fakeGetent) { f.status["passwd ldap"] = 127 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, f := machine(map[string]string{"/c/s.conf": "[supervisord]\nsupplementary_from=getent\n" + tt.text}), service()
			if tt.change != nil {
				tt.change(f)
			}
			h.Getent = f.ask
			cfg, err := Load("/c/s.conf", h)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				a := cfg.Groups[0].Programs[0].User
				got = fmt.Sprintf("uid %d, gid %d, groups %v", a.UID, a.GID, a.Groups)
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			for i, question := range f.asked {
				if slices.Index(f.asked, question) != i || strings.Contains(question, " -") {
					t.Errorf("it was asked %q", f.asked)
				}
			}
		})
	}
}

func TestTheServiceIsAskedOnlyIfItIsWanted(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"by default", "", "Invalid user name ldap"},
		{"files", "supplementary_from=files\n", "(no such user in /etc/passwd)"},
		{"anything else", "supplementary_from=ldap\n", "(one of files, getent)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, f := machine(map[string]string{"/c/s.conf": "[supervisord]\n" + tt.text + "[program:p]\ncommand=x\nuser=ldap\n"}), service()
			h.Getent = f.ask
			if _, err := Load("/c/s.conf", h); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if len(f.asked) > 0 {
				t.Errorf("it was asked %q", f.asked)
			}
		})
	}
}

// TestASilentServiceIsAskedOnce keeps a service that never answers from holding a
// reading up once for each user.
func TestASilentServiceIsAskedOnce(t *testing.T) {
	var text strings.Builder
	text.WriteString("[supervisord]\nsupplementary_from=getent\nuser=ldap\n")
	for i := range 20 {
		fmt.Fprintf(&text, "[program:p%d]\ncommand=x\nuser=u%d\ngroup=g%d\n", i, i, i)
	}
	h := machine(map[string]string{"/c/s.conf": text.String()})
	asked := 0
	h.Getent = func(...string) (string, int, error) { asked++; return "", 0, errors.New("not done after 10s") }
	_, err := Load("/c/s.conf", h)
	if err == nil || asked != 1 || strings.Count(err.Error(), "not done after 10s") != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	h.Getent = nil
	if _, err := Load("/c/s.conf", h); err == nil || !strings.Contains(err.Error(), "getent cannot be asked here") {
		t.Errorf("got %v", err)
	}
}
