package integration

import (
	_ "embed"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pythonClient defines connect, for scripts that are given to python3.
//
//go:embed testdata/xmlrpc_client.py
var pythonClient string

//go:embed testdata/xmlrpc_calls.py
var pythonCalls string

// callsConf has a program for every answer that there is.
const callsConf = `
[supervisord]
loglevel=debug
[inet_http_server]
port=127.0.0.1:PORT
username=joe
password=sec
[program:web]
command=/bin/cat
startsecs=0
[program:talker]
command=TESTPROG words OUT:a0b1c2d3e4f5g6h7i8j9k0l1m2n3o4p5q6r7s8t9u0v1w2x3y4z5a6b7c8d9e0f1g2h3i4j5k6l7m8n9o0p1q2r3s4t5u6v7w8x9y0z1a2b3c4d5e6f7g8h9i0j1k2l3m4n5o6p7q8r9s0t1u2v3w4x5y6z7a8b9 ERR:0123456789
startsecs=0
[program:nolog]
command=/bin/cat
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:never]
command=/bin/cat
autostart=false
stdout_logfile=DIR/never.log
stderr_logfile=NONE
[program:a]
command=/bin/cat
startsecs=0
priority=2
[program:b]
command=/bin/cat
startsecs=0
priority=1
stdout_syslog=false
environment=A="b"
[group:pool]
programs=a,b
priority=5
[program:nofile]
command=/nonexistent/x
autostart=false
[program:noexec]
command=/etc/passwd
autostart=false
[program:noquote]
command=/bin/echo "x
autostart=false
[program:quick]
command=/bin/true
autostart=false
autorestart=false
startsecs=2
startretries=0
[program:failing]
command=/bin/sh -c 'sleep 0.3; exit 3'
autostart=false
autorestart=false
startsecs=0
[program:once]
command=/bin/sleep 0.3
autostart=false
autorestart=false
startsecs=0
[program:slow]
command=/bin/cat
autostart=false
startsecs=1
[program:lazy]
command=/bin/sh -c 'trap "" TERM; : >DIR/deaf; while :; do sleep 0.1; done'
startsecs=0
stopwaitsecs=3
killasgroup=true
`

// answer is one line of the script.
type answer struct{ call, text string }

func answers(t *testing.T, s *sup, where string) []answer {
	t.Helper()
	r := runCommand(t, exec.Command(needProgram(t, "/usr/bin/python3", "python3"), "-c", pythonClient+pythonCalls, where, s.conf, s.dir))
	if r.code != 0 {
		t.Fatalf("the calls end with exit status %d:\n%s%s", r.code, tail(r.out), r.err)
	}
	var list []answer
	for line := range strings.Lines(r.out) {
		call, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " -> ")
		list = append(list, answer{call, text})
	}
	return list
}

// TestPythonsClientIsAnsweredAsByTheOriginal makes the same calls of both, over
// both kinds of socket.
func TestPythonsClientIsAnsweredAsByTheOriginal(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it would stand beside itself")
	theirs := filepath.Dir(needProgram(t, "supervisord"))
	for _, over := range []string{"unix", "inet"} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			var got [2][]answer
			t.Run("each", func(t *testing.T) {
				for i, bin := range []string{theirs, ""} {
					t.Run([]string{"original", "ours"}[i], func(t *testing.T) {
						t.Parallel()
						port := freePort(t)
						s := newSup(t, strings.ReplaceAll(callsConf, "PORT", fmt.Sprint(port)))
						s.bin = bin
						s.start()
						where := s.path("s.sock")
						if over == "inet" {
							where = fmt.Sprintf("http://joe:sec@127.0.0.1:%d", port)
						}
						got[i] = answers(t, s, where)
						if code := s.waitExit(); code != 0 {
							t.Errorf("it leaves with %d", code)
						}
					})
				}
			})
			compareAnswers(t, got[0], got[1])
		})
	}
}

// answeredOtherwise lists the calls of the script that we answer otherwise on
// purpose, each with its reason. What the original answers with HTTP 500, or with
// a fault that does not say why, is not among them: see better.
var answeredOtherwise = map[string]string{
	`POST /RPC2 '<methodCall><methodName>supervisor.getState</methodName><params><param><value><nope>1</nope></value></param></params></methodCall>' {}`: "there is no such type: 400",

	"supervisor.getProcessInfo(None,)":                                        "nil is no part of XML-RPC: 400",
	"supervisor.stopProcess(None,)":                                           "nil is no part of XML-RPC: 400",
	"supervisor.readLog(None, 0)":                                             "nil is no part of XML-RPC: 400",
	"supervisor.readLog(0.5, 0)":                                              "a fraction is no offset",
	"supervisor.signalProcess('web', 1.5)":                                    "a fraction is no signal",
	"system.multicall([5],)":                                                  "what is no call is one without a name",
	"system.multicall([{'methodName': 5}],)":                                  "a number is no name",
	"system.multicall([{'methodName': 'supervisor.getState', 'params': 5}],)": "the fault says why",
	"system.methodHelp(5,)":                                                   "a number is no name",
}

// better tells whether we answer where the original breaks, or say why where it
// does not.
func better(theirs, ours string) bool {
	const fault = "FAULT 2 'INCORRECT_PARAMETERS"
	return strings.HasPrefix(ours, fault+": ") && (theirs == "HTTP 500" || theirs == fault+"'")
}

func compareAnswers(t *testing.T, theirs, ours []answer) {
	t.Helper()
	for i := range min(len(theirs), len(ours)) {
		want, got := theirs[i], ours[i]
		if got.call != want.call {
			t.Fatalf("after %d calls the original was asked %s\nand ours %s", i, want.call, got.call)
		}
		switch _, known := answeredOtherwise[got.call]; {
		case known == (got != want), !known && better(want.text, got.text):
		case known:
			t.Errorf("%s is answered the same, and should not be listed: %s", got.call, got.text)
		default:
			t.Errorf("%s\n original: %s\n ours:     %s", got.call, want.text, got.text)
		}
	}
	if len(theirs) != len(ours) || len(ours) < 450 {
		t.Fatalf("the original gave %d answers, ours %d", len(theirs), len(ours))
	}
}
