package ctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// fake is a supervisord on a unix socket: what it answers is a table.
type fake struct {
	url    string
	config string // a configuration file that names it

	mu      sync.Mutex
	answers map[string]any
}

// set changes the answer to a method.
func (f *fake) set(method string, answer any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[method] = answer
}

func (f *fake) answer(method string) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answers[method]
}

// fault makes an answer that is a fault.
func fault(code api.Code, detail string) error { return api.NewFault(code, detail) }

// world answers as a daemon with a few programs does; over replaces answers.
// An answer is a result, an error, or a function of the parameters.
func world(over map[string]any) map[string]any {
	byName := func(ok any, faults map[string]api.Code) any {
		return func(p map[string]any) any {
			name, _ := p["name"].(string)
			if code, bad := faults[name]; bad {
				return fault(code, name)
			}
			return ok
		}
	}
	names := map[string]api.Code{"nope": api.BadName, "g:*": api.BadName, "g": api.BadName, "idle": api.NotRunning, "broken": api.Failed, "odd": api.BadArguments}
	with := func(more map[string]api.Code) map[string]api.Code {
		all := map[string]api.Code{}
		for _, m := range []map[string]api.Code{names, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	done := []api.Status{{Name: "m1", Group: "g", Status: api.Success, Description: "OK"}, {Name: "m2", Group: "g", Status: api.Failed, Description: "FAILED: m2"}}
	processes := []api.ProcessInfo{
		{Name: "cat", Group: "cat", StateName: "RUNNING", PID: 11, Description: "pid 11, uptime 0:00:38"},
		{Name: "m1", Group: "g", StateName: "STARTING"},
		{Name: "m2", Group: "g", StateName: "RUNNING", PID: 13, Description: "pid 13, uptime 1 day, 0:00:00"},
		{Name: "idle", Group: "idle", StateName: "STOPPED", Description: "Not started"},
	}
	answers := map[string]any{
		"supervisor.getVersion":           "3.0",
		"supervisor.getSupervisorVersion": "4.3.0 test",
		"supervisor.getPID":               1234,
		"supervisor.getAllProcessInfo":    processes,
		"supervisor.getProcessInfo": func(p map[string]any) any {
			for _, info := range processes {
				if info.Namespec() == p["name"] {
					return info
				}
			}
			return fault(api.BadName, "")
		},
		"supervisor.getAllConfigInfo": []api.ConfigInfo{
			{Name: "cat", Group: "cat", InUse: true, Autostart: true, GroupPrio: 5, ProcessPrio: 5},
			{Name: "m1", Group: "g", GroupPrio: 100, ProcessPrio: 1},
		},
		"supervisor.startProcess": byName(true, with(map[string]api.Code{"cat": api.AlreadyStarted, "bad": api.SpawnError,
			"lost": api.AbnormalTermination, "nofile": api.NoFile, "noexec": api.NotExecutable})),
		"supervisor.stopProcess":          byName(true, names),
		"supervisor.startProcessGroup":    byName(done, map[string]api.Code{"nope": api.BadName}),
		"supervisor.stopProcessGroup":     byName(done[:1], map[string]api.Code{"nope": api.BadName}),
		"supervisor.startAllProcesses":    done,
		"supervisor.stopAllProcesses":     done,
		"supervisor.reloadProcess":        byName(true, with(map[string]api.Code{"cat": api.NotRunning})),
		"supervisor.signalProcess":        byName(true, with(map[string]api.Code{"cat": api.BadSignal})),
		"supervisor.signalProcessGroup":   byName(done[:1], map[string]api.Code{"nope": api.BadName}),
		"supervisor.signalAllProcesses":   done[:1],
		"supervisor.clearProcessLogs":     byName(true, names),
		"supervisor.clearAllProcessLogs":  done[:1],
		"supervisor.readLog":              func(p map[string]any) any { return logPiece(p) },
		"supervisor.readProcessStdoutLog": func(p map[string]any) any { return named(p, logPiece(p)) },
		"supervisor.readProcessStderrLog": func(p map[string]any) any { return named(p, "err "+logPiece(p)) },
		"supervisor.reloadConfig":         api.Reread{Added: []string{"new"}, Changed: []string{"cat"}, Removed: []string{"gone"}},
		"supervisor.addProcessGroup":      byName(true, map[string]api.Code{"nope": api.BadName, "cat2": api.AlreadyAdded}),
		"supervisor.removeProcessGroup":   byName(true, map[string]api.Code{"nope": api.BadName, "g": api.StillRunning}),
		"supervisor.getMetrics":           someMetrics,
		"supervisor.shutdown":             true,
		"supervisor.restart":              true,
		"supervisor.sendProcessStdin":     true,
		"supervisor.explainProcess":       func(p map[string]any) any { return named(p, api.Explanation{}) },
		"supervisor.waitProcess":          []api.WaitResult{},
		"supervisor.getAllProcessUsage":   []api.ProcessUsage{},
		"supervisor.getOrphans":           []api.OrphanInfo{{PID: 7, Session: 5, Command: "sleep\x1b 9", Name: "cat", Group: "g"}, {PID: 8, Command: "x"}},
		"supervisor.followLog":            pieces{"main log\n"},
		"supervisor.followProcessLog": func(p map[string]any) any {
			switch {
			case p["name"] == "kept" && p["follow"] == false:
				return ending{fmt.Sprintf("%s of %.0f", p["channel"], p["backlog"]), " bytes"}
			case p["name"] == "nolog":
				return fault(api.NoFile, "")
			}
			return named(p, pieces{p["channel"].(string) + " of it\n"})
		},
	}
	for method, answer := range over {
		answers[method] = answer
	}
	return answers
}

// pieces are an answer that streams, and then nothing; ending ends.
type (
	pieces []string
	ending []string
)

func logPiece(p map[string]any) string {
	b, _ := json.Marshal(p["offset"])
	return "log from " + string(b)
}

func named(p map[string]any, ok any) any {
	switch p["name"] {
	case "cat", "g:m1":
		return ok
	case "nolog", "kept":
		return fault(api.NoFile, "")
	case "unreadable":
		return fault(api.Failed, "")
	}
	return fault(api.BadName, "")
}

// newFake starts a server.
func newFake(t *testing.T, over map[string]any) *fake {
	t.Helper()
	dir := t.TempDir()
	f := &fake{url: "unix://" + dir + "/s.sock", config: filepath.Join(dir, "ctl.conf"), answers: world(over)}
	text := "[supervisorctl]\nserverurl=" + f.url + "\nprompt=sup\nhistory_file=" + dir + "/history\n"
	if err := os.WriteFile(f.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", dir+"/s.sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(conn)
		}
	}()
	return f
}

func (f *fake) serve(conn net.Conn) {
	defer conn.Close()
	lines := ndjson.NewReader(conn, ndjson.MaxLine)
	for {
		line, err := lines.Line()
		if err != nil {
			return
		}
		r, bad := ndjson.ParseRequest(line)
		if bad != nil {
			reply, _ := ndjson.EncodeError(r.ID, bad)
			conn.Write(reply)
			continue
		}
		var params map[string]any
		json.Unmarshal(r.Params, &params)
		answer := f.answer(r.Method)
		if streams, ok := answer.(streaming); ok {
			answer = streams(params, func(data any) {
				line, _ := ndjson.EncodeData(r.ID, data)
				conn.Write(line)
			})
		}
		conn.Write(reply(r, answer, params))
	}
}

// streaming is an answer that comes in pieces, and then as what it returns.
type streaming func(params map[string]any, emit func(data any)) any

func reply(r ndjson.Request, answer any, params map[string]any) (line []byte) {
	if of, ok := answer.(func(map[string]any) any); ok {
		answer = of(params)
	}
	switch a := answer.(type) {
	case nil:
		line, _ = ndjson.EncodeError(r.ID, wireError(api.NewFault(api.UnknownMethod, "")))
	case *ndjson.Error:
		line, _ = ndjson.EncodeError(r.ID, a)
	case *api.Fault:
		line, _ = ndjson.EncodeError(r.ID, wireError(a))
	case []api.LogPiece: // a stream that ends
		for _, piece := range a {
			data, _ := ndjson.EncodeData(r.ID, piece)
			line = append(line, data...)
		}
		if params["follow"] == false {
			data, _ := ndjson.EncodeResult(r.ID, true)
			line = append(line, data...)
		}
	case ending: // likewise
		for _, piece := range a {
			data, _ := ndjson.EncodeData(r.ID, piece)
			line = append(line, data...)
		}
		data, _ := ndjson.EncodeResult(r.ID, true)
		line = append(line, data...)
	case pieces:
		for _, piece := range a {
			data, _ := ndjson.EncodeData(r.ID, piece)
			line = append(line, data...)
		}
	default:
		line, _ = ndjson.EncodeResult(r.ID, a)
	}
	return line
}

func wireError(f *api.Fault) *ndjson.Error {
	return &ndjson.Error{Code: int(f.Code), Name: f.Code.String(), Message: f.Text(), Hint: f.Hint}
}

// outcomeOf is what a run of supervisorctl leaves.
type outcomeOf struct {
	out, errs string
	exit      int
}

// supervisorctl runs it with stdin as standard input.
func supervisorctl(t *testing.T, stdin string, args ...string) outcomeOf {
	t.Helper()
	in, err := os.CreateTemp(t.TempDir(), "stdin")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := in.WriteString(stdin); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := run("supervisorctl", args, in, &out, &errs)
	return outcomeOf{out.String(), errs.String(), code}
}

// someMetrics are what a server counts.
var someMetrics = []api.Metric{{Name: "a_total", Help: "All.", Type: api.Counter, Samples: []api.Sample{
	{Labels: api.Labels{{Name: "process", Value: "x\n"}, {Name: "group", Value: "g"}}, Value: 3}}}}
