package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// jsonLines are commands, with their exit status and something in the answer.
var jsonLines = []struct {
	line string
	code int
	want string
}{
	{"status", 3, `"statename":"RUNNING"`},
	{"status web nosuch", 4, `"description":"BAD_NAME: nosuch"`},
	{"status nosuch:*", 4, `"status":10`},
	{"pid", 0, `{"result":`},
	{"pid all", 0, `"pid":0`},
	{"pid web nosuch", 1, `"status":10`},
	{"version", 0, `{"result":"4.`},
	{"avail", 0, `"inuse":true`},
	{"signal HUP web", 0, `{"result":[{"name":"web","group":"web","status":80,"description":"OK"}]}`},
	{"signal NOSUCH web", 1, `"status":11`},
	{"stop web nosuch", 1, `{"result":[{"name":"web","group":"web","status":80,"description":"OK"},{"name":"nosuch","group":"nosuch","status":10,"description":"BAD_NAME: nosuch"}]}`},
	{"stop web", 0, `"status":70`},
	{"start web", 0, `"status":80`},
	{"start web", 0, `"status":60`},
	{"start bad", 1, `"status":20`},
	{"start nosuch:*", 2, `{"result":[{"name":"*","group":"nosuch","status":10`},
	{"restart web", 0, `{"result":{"stop":[{"name":"web"`},
	{"stop pair:*", 0, `"group":"pair"`},
	{"start pair:*", 0, `"group":"pair"`},
	{"clear web", 0, `"status":80`},
	{"tail web", 0, `{"result":"`},
	{"tail nosuch", 1, `{"error":{"code":10,"name":"BAD_NAME","message":"BAD_NAME`},
	{"maintail -10", 0, `{"result":"`},
	{"reread", 0, `{"result":{"added":[],"changed":[],"removed":[]}}`},
	{"add web", 0, `"status":90`},
	{"remove web", 1, `"status":91`},
	{"update", 0, `{"result":[]}`},
	{"start", 2, `"name":"BAD_USAGE"`},
	{"shutdown x", 1, `"name":"BAD_USAGE"`},
	{"shutdown", 0, `{"result":true}`},
}

// TestJSONIsTheSameFromEveryServer drives our daemon and the original.
func TestJSONIsTheSameFromEveryServer(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no --json")
	foreign := needProgram(t, "supervisord")
	const conf = `[program:web]
command=TESTPROG signals
startsecs=0
[program:idle]
command=TESTPROG signals
autostart=false
[program:bad]
command=/no/such
autostart=false
[group:pair]
programs=a,b
[program:a]
command=TESTPROG signals
startsecs=0
[program:b]
command=TESTPROG signals
startsecs=0
`
	ours := newSup(t, conf).start()
	theirs := newSup(t, conf)
	theirs.wrap = func(cmd *exec.Cmd) { cmd.Path = foreign }
	theirs.start()
	for _, s := range []*sup{ours, theirs} {
		for _, name := range []string{"web", "pair:a", "pair:b"} {
			s.waitState(name, "RUNNING")
		}
	}
	for _, row := range jsonLines {
		var shapes []string
		for _, s := range []*sup{ours, theirs} {
			r := s.ctl(append(strings.Fields(row.line), "--json")...)
			if r.code != row.code || r.err != "" || strings.Count(r.out, "\n") != 1 || !strings.Contains(r.out, row.want) {
				t.Errorf("%s: exit status %d, want %d; output, which must be a line with %s:\n%s", row.line, r.code, row.code, row.want, r.all())
				continue
			}
			var reply map[string]any
			if err := json.Unmarshal([]byte(r.out), &reply); err != nil {
				t.Errorf("%s: %v", row.line, err)
			}
			shapes = append(shapes, shapeOf(reply))
		}
		if len(shapes) == 2 && shapes[0] != shapes[1] {
			t.Errorf("%s: the answers differ in form:\n%s\n%s", row.line, shapes[0], shapes[1])
		}
	}
}

// shapeOf says what members a value has, and of which types.
func shapeOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var members []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			members = append(members, name+" "+shapeOf(v[name]))
		}
		return "{" + strings.Join(members, ", ") + "}"
	case []any:
		var elements []string
		for _, e := range v {
			elements = append(elements, shapeOf(e))
		}
		return "[" + strings.Join(slices.Compact(elements), ", ") + "]"
	}
	return fmt.Sprintf("%T", v)
}

// TestJSONIsWhatTheSocketSays compares with the replies of the control socket.
func TestJSONIsWhatTheSocketSays(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no --json")
	s := newSup(t, "[program:idle]\ncommand=TESTPROG signals\nautostart=false\nstdout_logfile=DIR/idle.log\n").start()
	writeFile(t, s.path("idle.log"), "a log, \xff and more\n", 0o644)
	w := s.dial()
	for line, request := range map[string]string{
		"status":      `"supervisor.getAllProcessInfo"`,
		"pid":         `"supervisor.getPID"`,
		"version":     `"supervisor.getSupervisorVersion"`,
		"avail":       `"supervisor.getAllConfigInfo"`,
		"reread":      `"supervisor.reloadConfig"`,
		"tail idle":   `"supervisor.readProcessStdoutLog","params":["idle",-1600,0]`,
		"tail nosuch": `"supervisor.readProcessStdoutLog","params":["nosuch",-1600,0]`,
	} {
		until(t, line+" is the same on both", func() (string, bool) {
			w.send(`{"id":7,"method":` + request + `}`)
			_, socket, err := w.next()
			if err != nil {
				t.Fatal(err)
			}
			want := "{" + strings.TrimPrefix(string(socket), `{"id":7,`)
			got := s.ctl(append(strings.Fields(line), "--json")...).out
			return got + want, got == want // but for the second that may pass in between
		})
	}
}
