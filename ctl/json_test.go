package ctl

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// oneReply decodes the line that a command with --json printed.
func oneReply(t *testing.T, line string, got outcomeOf) map[string]json.RawMessage {
	t.Helper()
	var reply map[string]json.RawMessage
	if strings.Count(got.out, "\n") != 1 || got.errs != "" {
		t.Errorf("%s: not one line but %q and %q", line, got.out, got.errs)
	} else if err := json.Unmarshal([]byte(got.out), &reply); err != nil {
		t.Errorf("%s: %v in %q", line, err, got.out)
	}
	return reply
}

const (
	jsonM1 = `{"name":"m1","group":"g","status":80,"description":"OK"}`
	jsonM2 = `{"name":"m2","group":"g","status":30,"description":"FAILED: m2"}`
)

func jsonOK(name string) string {
	return `{"name":"` + name + `","group":"` + name + `","status":80,"description":"OK"}`
}

func TestJSON(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.configChanges": someChanges})
	process := func(name string) string {
		for _, p := range f.answer("supervisor.getAllProcessInfo").([]api.ProcessInfo) {
			if p.Namespec() == name {
				b, _ := json.Marshal(p)
				return string(b)
			}
		}
		t.Fatalf("no %s", name)
		return ""
	}
	nope := `{"name":"nope","group":"nope","status":10,"description":"BAD_NAME: nope"}`
	wrong := func(text string) string {
		return `{"error":{"code":600,"name":"BAD_USAGE","message":"BAD_USAGE: ` + text + `"}}`
	}
	for _, row := range []struct {
		line, want string
		exit       int
	}{
		{"status cat", `{"result":[` + process("cat") + `]}`, 0},
		{"status", `{"result":[` + process("cat") + "," + process("g:m1") + "," + process("g:m2") + "," + process("idle") + `]}`, 3},
		{"status nope cat nope:*", `{"result":[` + nope + `,{"name":"*","group":"nope","status":10,"description":"BAD_NAME: nope:*"},` + process("cat") + `]}`, 4},
		{"start web bad nope", `{"result":[` + jsonOK("web") + `,{"name":"bad","group":"bad","status":50,"description":"SPAWN_ERROR: bad"},` + nope + `]}`, 1},
		{"start cat", `{"result":[{"name":"cat","group":"cat","status":60,"description":"ALREADY_STARTED: cat"}]}`, 0},
		{"start g:*", `{"result":[` + jsonM1 + "," + jsonM2 + `]}`, 1},
		{"start all", `{"result":[` + jsonM1 + "," + jsonM2 + `]}`, 1},
		{"start nope:*", `{"result":[{"name":"*","group":"nope","status":10,"description":"BAD_NAME: nope"}]}`, 2},
		{"start", wrong("start requires a process name"), 2},
		{"stop idle", `{"result":[{"name":"idle","group":"idle","status":70,"description":"NOT_RUNNING: idle"}]}`, 0},
		{"restart idle", `{"result":{"stop":[{"name":"idle","group":"idle","status":70,"description":"NOT_RUNNING: idle"}],"start":[{"name":"idle","group":"idle","status":70,"description":"NOT_RUNNING: idle"}]}}`, 1},
		{"restart", wrong("restart requires a process name"), 1},
		{"signal HUP web", `{"result":[` + jsonOK("web") + `]}`, 0},
		{"signal HUP", wrong("signal requires a signal name and a process name"), 1},
		{"clear cat g:*", `{"result":[` + jsonOK("cat") + `,{"name":"*","group":"g","status":10,"description":"BAD_NAME: g:*"}]}`, 1},
		{"pid", `{"result":1234}`, 0},
		{"pid cat nope", `{"result":[` + process("cat") + "," + strings.Replace(nope, "NAME: nope", "NAME: ", 1) + `]}`, 1},
		{"pid all", `{"result":[` + process("cat") + "," + process("g:m1") + "," + process("g:m2") + "," + process("idle") + `]}`, 0},
		{"version", `{"result":"4.3.0 test"}`, 0},
		{"orphans", `{"result":[{"pid":7,"session":5,"command":"sleep\u001b 9","name":"cat","group":"g"},{"pid":8,"session":0,"command":"x","name":"","group":""}]}`, 0},
		{"metrics", `{"result":[{"name":"a_total","help":"All.","type":"counter","samples":[{"labels":{"process":"x\n","group":"g"},"value":3}]}]}`, 0},
		{"version x", wrong("version accepts no arguments"), 1},
		{"reread", `{"result":{"added":["new"],"changed":["cat"],"removed":["gone"]}}`, 0},
		{"add new cat2", `{"result":[` + jsonOK("new") + `,{"name":"cat2","group":"cat2","status":90,"description":"ALREADY_ADDED: cat2"}]}`, 0},
		{"add", `{"result":[]}`, 0},
		{"remove g nope", `{"result":[{"name":"g","group":"g","status":91,"description":"STILL_RUNNING: g"},` + nope + `]}`, 1},
		{"tail cat", `{"result":"log from -1600"}`, 0},
		{"tail -20 cat", `{"result":"log from -20"}`, 0},
		{"tail nope", `{"error":{"code":10,"name":"BAD_NAME","message":"BAD_NAME: "}}`, 1},
		{"tail cat foo", wrong("bad channel 'foo'"), 1},
		{"tail", wrong("too few arguments"), 1},
		{"maintail", `{"result":"log from -1600"}`, 0},
		{"maintail x", wrong("bad argument x"), 1},
		{"shutdown", `{"result":true}`, 0},
		{"reload", `{"result":true}`, 0},
		{"update nope idle", `{"result":[` + nope + `]}`, 1},
		{"update gone", `{"result":[{"name":"gone","change":"removed","whole":true,"keys":[],"members":[]}]}`, 0},
		{"fg", wrong("no process name supplied"), 1},
		{"fg idle", `{"error":{"code":70,"name":"NOT_RUNNING","message":"NOT_RUNNING: idle"}}`, 1},
		{"fg nope", `{"error":{"code":10,"name":"BAD_NAME","message":"BAD_NAME: "}}`, 1},
		{"open foo", `{"error":{"code":611,"name":"BAD_URL","message":"BAD_URL: url must be http:// or unix://"}}`, 1},
		{"quit", `{"result":true}`, 0},
		{"help nope", wrong("no help on nope"), 0},
		{"help quit", `{"result":{"name":"quit","help":"quit\tLeave the shell\n","flags":[{"name":"json","help":"` + jsonFlag.help + `"},{"name":"help","help":"` + helpFlag.help + `"}]}}`, 0},
	} {
		got := supervisorctl(t, "", "-c", f.config, "--", row.line+" --json")
		if got.out != row.want+"\n" || got.errs != "" || got.exit != row.exit {
			t.Errorf("%s: exit %d, want %d\ngot:  %s%s\nwant: %s", row.line, got.exit, row.exit, got.out, got.errs, row.want)
		}
	}
	configured := slices.Clone(f.answer("supervisor.getAllConfigInfo").([]api.ConfigInfo))
	for i := range configured {
		configured[i].Autorestart = "none"
	}
	byName := slices.Clone(someChanges)
	slices.SortFunc(byName, func(a, b api.GroupChange) int { return strings.Compare(a.Name, b.Name) })
	for line, want := range map[string]any{
		"avail":                configured,
		"reread --diff":        byName,
		"update --dry-run cat": byName[:1],
		"open " + f.url:        f.answer("supervisor.getAllProcessInfo"),
	} {
		reply := oneReply(t, line, supervisorctl(t, "", "-c", f.config, line+" --json"))
		if b, _ := json.Marshal(want); string(reply["result"]) != string(b) {
			t.Errorf("%s: got %s, want %s", line, reply["result"], b)
		}
	}
}

func TestEveryVerbAnswersInJSONWhateverHappens(t *testing.T) {
	broken := map[string]any{}
	for method := range world(nil) {
		broken[method] = fault(api.Failed, "broken")
	}
	broken["supervisor.getVersion"] = "3.0"
	down := map[string]any{}
	for method := range world(nil) {
		down[method] = fault(api.ShutdownState, "")
	}
	locked := map[string]any{"supervisor.getVersion": fault(api.UnknownMethod, "")}
	worlds := map[string]*fake{"broken": newFake(t, broken), "down": newFake(t, down), "foreign": newFake(t, locked), "whole": newFake(t, nil)}
	for what, f := range worlds {
		for _, v := range verbs() {
			for _, rest := range []string{"", " cat", " nope:*", " all", " HUP cat", " a b c d e", " --timeout=soon", " --nope", " -x"} {
				if what == "whole" && v.name == "fg" && rest == " cat" {
					continue // runs until its input ends, and shows what there is
				}
				line := v.name + rest + " --json"
				reply := oneReply(t, what+": "+line, supervisorctl(t, "", "-c", f.config, line))
				if reply["result"] == nil && reply["error"] == nil {
					t.Errorf("%s: %s: neither a result nor an error: %s", what, line, reply)
				}
			}
		}
	}
	for _, v := range verbs() {
		line := v.name + " cat --json"
		reply := oneReply(t, line, supervisorctl(t, "", "-c", worlds["whole"].config, "-s", "unix:///no/such", line))
		if reply["result"] == nil && reply["error"] == nil {
			t.Errorf("%s: neither a result nor an error: %s", line, reply)
		}
	}
}

func TestAFollowedLogIsDataInJSON(t *testing.T) {
	f := newFake(t, nil)
	in, _ := pipe(t)
	var out watched
	code := make(chan int)
	go func() { code <- run("supervisorctl", []string{"-c", f.config, "tail -f cat --json"}, in, &out, &out) }()
	out.await(t, `{"data":"stdout of it\n"}`+"\n")
	interrupt()
	if got := <-code; got != 0 || out.String() != `{"data":"stdout of it\n"}`+"\n"+`{"result":true}`+"\n" {
		t.Errorf("exit %d, got %q", got, out.String())
	}
	got := supervisorctl(t, "", "-c", f.config, "tail -f nolog --json")
	if want := `{"error":{"code":20,"name":"NO_FILE","message":"NO_FILE"}}` + "\n"; got.out != want || got.errs != "" {
		t.Errorf("got %+v", got)
	}
	got = supervisorctl(t, "line\n", "-c", f.config, "fg cat --json")
	for _, want := range []string{`{"data":"stdout of it\n"}`, `{"data":"stderr of it\n"}`} {
		if !strings.Contains(got.out, want+"\n") || !strings.HasSuffix(got.out, "\n"+`{"result":true}`+"\n") {
			t.Errorf("fg: got %q", got.out)
		}
	}
}

func TestJSONIsAloneOnTheStandardOutput(t *testing.T) {
	f := newFake(t, nil)
	got := supervisorctl(t, "n\n", "-c", f.config, "-i", "shutdown --json")
	if want := (outcomeOf{`{"result":false}` + "\n", textAskShutdown, 0}); got != want {
		t.Errorf("got %+v", got)
	}
	got = supervisorctl(t, "y\n", "-c", f.config, "-i", "shutdown --json")
	if want := (outcomeOf{`{"result":true}` + "\n", textAskShutdown, 0}); got != want {
		t.Errorf("got %+v", got)
	}
	locked := newFake(t, map[string]any{"supervisor.getVersion": ndjson.NewError(ndjson.CodeUnauthorized, "", "")})
	got = supervisorctl(t, "joe\nsecret\n", "-c", locked.config, "-i", "pid --json")
	if got.errs != "" || got.exit != 1 || !strings.HasPrefix(got.out, `{"error":{"code":401,"name":"UNAUTHORIZED",`) || strings.Count(got.out, "\n") != 1 {
		t.Errorf("got %+v", got)
	}
	got = supervisorctl(t, "version --json\nversion\n", "-c", f.config)
	if want := statusTable + `sup> {"result":"4.3.0 test"}` + "\nsup> 4.3.0 test\nsup> \n"; got.out != want {
		t.Errorf("in the shell: got %q", got.out)
	}
}

func TestABadConfigurationIsAnErrorInJSONToo(t *testing.T) {
	got := supervisorctl(t, "", "-c", "/no/such", "status", "--json", "web")
	want := outcomeOf{`{"error":{"code":612,"name":"BAD_CONFIG","message":"BAD_CONFIG: could not find config file /no/such"}}` + "\n",
		"Error: could not find config file /no/such\nFor help, use supervisorctl -h\n", 2}
	if got != want {
		t.Errorf("got %+v", got)
	}
}

func TestJSONHasNoControlCharacters(t *testing.T) {
	evil := "\x1b[2J\u009b\x7f\xff<&>\u2028\u200f\u202e"
	f := newFake(t, map[string]any{"supervisor.getAllProcessInfo": []api.ProcessInfo{{Name: evil, Group: "g"}}})
	got := supervisorctl(t, "", "-c", f.config, "status --json")
	if strings.ContainsFunc(strings.TrimSuffix(got.out, "\n"), func(r rune) bool { return r < 0x20 || isHighControl(r) }) || !utf8.ValidString(got.out) {
		t.Errorf("got %q", got.out)
	}
	var reply struct{ Result []api.ProcessInfo }
	if err := json.Unmarshal([]byte(got.out), &reply); err != nil || reply.Result[0].Name != strings.ToValidUTF8(evil, "\uFFFD") {
		t.Errorf("got %+v, %v", reply, err)
	}
}
