package api

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Methods {
		if seen[m.Name] {
			t.Errorf("%s stands twice in the table", m.Name)
		}
		seen[m.Name] = true
		if !strings.HasPrefix(m.Name, SupervisorPrefix) && !strings.HasPrefix(m.Name, SystemPrefix) {
			t.Errorf("%s has no known namespace", m.Name)
		}
		if (m.Build == nil) != strings.HasPrefix(m.Name, SystemPrefix) {
			t.Errorf("%s: only the methods of system are built by nobody", m.Name)
		}
		if m.Doc == "" || m.ResultDoc == "" || m.Result == "" {
			t.Errorf("%s is not described", m.Name)
		}
		optional := false
		for _, p := range m.Params {
			if p.Doc == "" || p.Type == "" {
				t.Errorf("%s: parameter %s is not described", m.Name, p.Name)
			}
			if optional && !p.Optional {
				t.Errorf("%s: %s follows an optional parameter", m.Name, p.Name)
			}
			optional = p.Optional
		}
		if m.AliasOf != "" {
			other, ok := Lookup(m.AliasOf)
			if !ok || !reflect.DeepEqual(other.Params, m.Params) {
				t.Errorf("%s is no alias of %s", m.Name, m.AliasOf)
			}
		}
	}
}

func TestEveryRequestStandsInTheTable(t *testing.T) {
	source, err := os.ReadFile("request.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^func \((\w+)\) request\(\)`).FindAllStringSubmatch(string(source), -1) {
		want[m[1]] = true
	}
	for i := range Methods {
		if m := &Methods[i]; m.Build != nil {
			r, f := m.Bind(sample(m))
			if f != nil {
				t.Errorf("%s: %v (%s)", m.Name, f, f.Hint)
				continue
			}
			delete(want, reflect.TypeOf(r).Name())
		}
	}
	if len(want) > 0 {
		t.Errorf("no method makes %v", want)
	}
}

// sample returns arguments that m takes.
func sample(m *Method) []any {
	values := map[Type]any{ToState: "fatal", Names: []any{"x"}, String: "x", Data: "x", Int: int64(7), Boolean: true, Signal: "HUP", Output: "stderr", Array: []any{}, Any: nil}
	var a []any
	for _, p := range m.Params {
		a = append(a, values[p.Type])
	}
	return a
}

func TestXMLRPCClientsSeeTheOriginalsNames(t *testing.T) {
	want := strings.Fields(`addProcessGroup clearAllProcessLogs clearLog clearProcessLog clearProcessLogs getAPIVersion
		getAllConfigInfo getAllProcessInfo getIdentification getPID getProcessInfo getState getSupervisorVersion getVersion
		readLog readMainLog readProcessLog readProcessStderrLog readProcessStdoutLog reloadConfig removeProcessGroup restart
		sendProcessStdin sendRemoteCommEvent shutdown signalAllProcesses signalProcess signalProcessGroup startAllProcesses
		startProcess startProcessGroup stopAllProcesses stopProcess stopProcessGroup tailProcessLog tailProcessStderrLog
		tailProcessStdoutLog`)
	for i := range want {
		want[i] = "supervisor." + want[i]
	}
	want = append(want, "system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall")
	if got := MethodNames(true); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestSignaturesAreTheOriginals(t *testing.T) {
	want := map[string]string{
		"supervisor.addProcessGroup": "boolean string", "supervisor.clearAllProcessLogs": "array", "supervisor.clearLog": "boolean",
		"supervisor.clearProcessLog": "boolean string", "supervisor.getAllConfigInfo": "array", "supervisor.getPID": "int",
		"supervisor.getProcessInfo": "struct string", "supervisor.getState": "struct", "supervisor.readLog": "string int int",
		"supervisor.readProcessStderrLog": "string string int int", "supervisor.reloadConfig": "array",
		"supervisor.sendProcessStdin": "boolean string string", "supervisor.sendRemoteCommEvent": "boolean string string",
		"supervisor.signalAllProcesses": "array string", "supervisor.signalProcess": "boolean string string",
		"supervisor.signalProcessGroup": "array string string", "supervisor.startAllProcesses": "array boolean",
		"supervisor.startProcess": "boolean string boolean", "supervisor.stopProcessGroup": "array string boolean",
		"supervisor.tailProcessLog": "array string int int", "system.listMethods": "array", "system.methodHelp": "string string",
		"system.methodSignature": "array string", "system.multicall": "array array",
	}
	for name, sig := range want {
		m, ok := Lookup(name)
		if !ok {
			t.Errorf("%s is missing", name)
			continue
		}
		if got := strings.Join(m.Signature(), " "); got != sig {
			t.Errorf("%s: got %q, want %q", name, got, sig)
		}
		if got := strings.Count(m.Help(), "@param "); got != len(m.Params) {
			t.Errorf("%s: help names %d of %d parameters", name, got, len(m.Params))
		}
	}
}

func TestBindByPosition(t *testing.T) {
	long := strings.Repeat("x", 1000)
	tests := []struct {
		name   string
		method string
		args   []any
		want   Request
		fault  string
	}{
		{"wait is true unless said", "startProcess", []any{"web"}, StartProcess{"web", true}, ""},
		{"wait goes by truth value: zero", "startProcess", []any{"web", int64(0)}, StartProcess{"web", false}, ""},
		{"wait goes by truth value: text", "startProcess", []any{"web", "false"}, StartProcess{"web", true}, ""},
		{"wait goes by truth value: empty list", "startProcess", []any{"web", []any{}}, StartProcess{"web", false}, ""},
		{"wait goes by truth value: nothing", "startProcess", []any{"web", nil}, StartProcess{"web", false}, ""},
		{"digits are integers", "readLog", []any{"-10", " 0"}, ReadLog{-10, 0}, ""},
		{"a signal may be a number", "signalProcess", []any{"web", int64(1)}, SignalProcess{"web", "1"}, ""},
		{"a negative backlog is none", "followLog", []any{int64(-5)}, FollowLog{0}, ""},
		{"a stream has defaults", "followProcessLog", []any{"web"}, FollowProcessLog{Name: "web", Channel: Stdout, Backlog: 1024}, ""},
		{"lines instead of bytes", "followProcessLog", []any{"web", "stderr", int64(9), int64(20), false},
			FollowProcessLog{Name: "web", Channel: Stderr, Lines: 20, Once: true}, ""},
		{"no lines are no bytes", "followProcessLog", []any{"web", "stdout", int64(9), int64(0)}, FollowProcessLog{Name: "web", Channel: Stdout}, ""},
		{"all logs", "followLogs", nil, FollowLogs{Lines: 10}, ""},
		{"some logs", "followLogs", []any{[]any{"web", "g:*"}, "stderr", int64(-1), false}, FollowLogs{[]string{"web", "g:*"}, Stderr, 0, true}, ""},
		{"names that are none", "followLogs", []any{[]any{"web", int64(5)}}, nil, "INCORRECT_PARAMETERS: names must be a string or an array of strings, not an array"},
		{"aliases make the same request", "tailProcessLog", []any{"web", int64(1), int64(2)}, TailProcessLog{"web", Stdout, 1, 2}, ""},
		{"too few", "startProcess", nil, nil, "INCORRECT_PARAMETERS"},
		{"too many", "getState", []any{"extra"}, nil, "INCORRECT_PARAMETERS"},
		{"a number as name", "startProcess", []any{int64(5)}, nil, "INCORRECT_PARAMETERS: name must be a string, not 5"},
		{"text as offset", "readLog", []any{"x", int64(0)}, nil, `INCORRECT_PARAMETERS: offset must be an integer, not "x"`},
		{"a fraction as offset", "readLog", []any{1.5, int64(0)}, nil, "INCORRECT_PARAMETERS: offset must be an integer, not 1.5"},
		{"a huge value is shortened", "readLog", []any{long, int64(0)}, nil, `INCORRECT_PARAMETERS: offset must be an integer, not "` + long[:79] + "..."},
		{"a list as signal", "signalProcess", []any{"web", []any{}}, nil, "INCORRECT_PARAMETERS: signal must be the name or the number of a signal, not an array"},
		{"an unknown channel", "followProcessLog", []any{"web", "foo"}, nil, `INCORRECT_PARAMETERS: channel must be stdout or stderr, not "foo"`},
		{"a name in place of a list", "waitProcess", []any{"web"}, WaitProcess{[]string{"web"}, GoalRunning}, ""},
		{"a list of names", "waitProcess", []any{[]any{"a", "b:*"}, "exited"}, WaitProcess{[]string{"a", "b:*"}, GoalExited}, ""},
		{"a list of something else", "waitProcess", []any{[]any{"a", int64(1)}}, nil, "INCORRECT_PARAMETERS: name must be a string or an array of strings, not an array"},
		{"an unknown goal", "waitProcess", []any{"web", "up"}, nil, `INCORRECT_PARAMETERS: for must be running, stopped, exited or fatal, not "up"`},
		{"lines of a log are not fewer than none", "explainProcess", []any{"web", int64(-3)}, ExplainProcess{"web", 0}, ""},
		{"input that is no text is echoed", "sendProcessStdin", []any{"cat", int64(5)}, nil, "INCORRECT_PARAMETERS: 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, ok := Lookup("supervisor." + tt.method)
			if !ok {
				t.Fatal("no such method")
			}
			got, f := m.Bind(tt.args)
			checkBind(t, got, f, tt.want, tt.fault)
		})
	}
}

func checkBind(t *testing.T, got Request, f *Fault, want Request, fault string) {
	t.Helper()
	if fault != "" {
		if f == nil || f.Text() != fault {
			t.Fatalf("got fault %v, want %q", f, fault)
		}
		return
	}
	if f != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %#v, fault %v; want %#v", got, f, want)
	}
}

func TestBindJSON(t *testing.T) {
	tests := []struct {
		name   string
		method string
		params string
		want   Request
		fault  string
		hint   string
	}{
		{"by name", "startProcess", `{"name":"web","wait":false}`, StartProcess{"web", false}, "", ""},
		{"by position", "startProcess", `["web",false]`, StartProcess{"web", false}, "", ""},
		{"absent", "getState", ``, GetState{}, "", ""},
		{"null", "getState", `null`, GetState{}, "", ""},
		{"an optional one may be null", "startProcess", `{"name":"web","wait":null}`, StartProcess{"web", true}, "", ""},
		{"zero and one are booleans", "startProcess", `{"name":"web","wait":0}`, StartProcess{"web", false}, "", ""},
		{"large numbers stay exact", "readLog", `{"offset":9007199254740993,"length":0}`, ReadLog{9007199254740993, 0}, "", ""},
		{"base64 input", "sendProcessStdin", `{"name":"cat","chars":{"base64":"/wA="}}`, SendProcessStdin{"cat", "\xff\x00"}, "", ""},
		{"text is no boolean by name", "startProcess", `{"name":"web","wait":"false"}`, nil, `INCORRECT_PARAMETERS: wait must be true or false, not "false"`, ""},
		{"missing", "startProcess", `{}`, nil, "INCORRECT_PARAMETERS: name is missing", "supervisor.startProcess takes name, [wait]"},
		{"a required one is null", "startProcess", `{"name":null}`, nil, "INCORRECT_PARAMETERS: name must be a string, not null", ""},
		{"mistyped", "startProcess", `{"nmae":"web"}`, nil, `INCORRECT_PARAMETERS: no parameter "nmae"`, "did you mean name?"},
		{"unknown", "getState", `{"verbose":true}`, nil, `INCORRECT_PARAMETERS: no parameter "verbose"`, "supervisor.getState takes no parameters"},
		{"bad base64", "sendProcessStdin", `{"name":"cat","chars":{"base64":"?"}}`, nil, "INCORRECT_PARAMETERS: an object", `chars must be a string, or {"base64": "..."}, not an object`},
		{"wrong count", "startProcess", `[]`, nil, "INCORRECT_PARAMETERS", "supervisor.startProcess takes name, [wait]; 0 given"},
		{"a scalar", "getState", `5`, nil, "INCORRECT_PARAMETERS: params must be an object or an array", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, _ := Lookup("supervisor." + tt.method)
			got, f := m.BindJSON(json.RawMessage(tt.params))
			checkBind(t, got, f, tt.want, tt.fault)
			if tt.hint != "" && f.Hint != tt.hint {
				t.Errorf("got hint %q, want %q", f.Hint, tt.hint)
			}
		})
	}
}

func TestNearestMethod(t *testing.T) {
	names := MethodNames(false)
	tests := []struct{ name, word, want string }{
		{"a letter is missing", "supervisor.startProces", "supervisor.startProcess"},
		{"two letters are swapped", "supervisor.getStaet", "supervisor.getState"},
		{"the namespace is missing", "startProcess", "supervisor.startProcess"},
		{"the namespace is wrong", "system.getState", "supervisor.getState"},
		{"the namespace is missing and a letter too", "startProces", "supervisor.startProcess"},
		{"the case is wrong", "supervisor.getpid", "supervisor.getPID"},
		{"nothing is near", "frobnicate", ""},
		{"nothing at all", "", ""},
		{"far too long", strings.Repeat("getState", 1000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := NearestMethod(tt.word, names); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBytesSurviveJSON(t *testing.T) {
	for name, in := range map[string]string{"text": "a <b> & \u2028 \x1b[0m\n", "no text": "a\xff\x00", "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			p, err := json.Marshal(Bytes(in))
			if err != nil {
				t.Fatal(err)
			}
			var out Bytes
			if err := json.Unmarshal(p, &out); err != nil || string(out) != in {
				t.Errorf("got %q, %v from %s", out, err, p)
			}
		})
	}
}

func FuzzBindJSON(f *testing.F) {
	for _, p := range []string{`{"name":"web"}`, `["web",1]`, `{"name":{"base64":"AA=="}}`, `{"offset":1e99}`, `[[[]]]`, ``, `"`, `{"name":"a","wait":1}`, `{"name":"a","name":"b"}`, `{"name":"\u0061","wait":false} `} {
		f.Add("supervisor.startProcess", p)
	}
	f.Fuzz(func(t *testing.T, name, p string) {
		m, ok := Lookup(name)
		if !ok {
			NearestMethod(name, MethodNames(false))
			m = &Methods[len(p)%len(Methods)]
		}
		if usual, ok := m.usualArgs(json.RawMessage(p)); ok {
			if want, fault := m.anyArgs(json.RawMessage(p)); fault != nil || !reflect.DeepEqual(usual, want) {
				t.Fatalf("%s: %s is %#v to one and %#v, %v to the other", m.Name, p, usual, want, fault)
			}
		}
		r, fault := m.BindJSON(json.RawMessage(p))
		if (r == nil) == (fault == nil) {
			t.Errorf("request %v and fault %v", r, fault)
		}
	})
}

func TestListsOfNamesAreBounded(t *testing.T) {
	m, ok := Lookup("supervisor.waitProcess")
	if !ok {
		t.Fatal("no such method")
	}
	many := func(n, different int) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = fmt.Sprint("p", i%different)
		}
		return list
	}
	for _, tt := range []struct {
		names []any
		want  int // -1: refused
	}{{many(3, 3), 3}, {many(250_000, 2), 2}, {many(MaxNames, MaxNames), MaxNames}, {many(MaxNames+1, MaxNames+1), -1}} {
		req, f := m.Bind([]any{tt.names, "running"})
		switch {
		case tt.want < 0 && (f == nil || f.Code != IncorrectParameters):
			t.Errorf("%d names: %v", len(tt.names), f)
		case tt.want >= 0 && (f != nil || len(req.(WaitProcess).Names) != tt.want):
			t.Errorf("%d names: %v, %v", len(tt.names), req, f)
		}
	}
}
