package serve

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
	"gosupervisor/ctl/ndjson"
	"gosupervisor/ctl/xmlrpc"
)

var update = flag.Bool("update", false, "write docs/protocol.md anew")

const reference = "../../docs/protocol.md"

// TestReferenceIsUpToDate renders the reference from the table of methods, the
// limits and the errors, and from sessions with a real server.
func TestReferenceIsUpToDate(t *testing.T) {
	got := renderReference(t)
	if *update {
		if err := os.WriteFile(reference, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(reference)
	if err != nil || string(want) != got {
		t.Errorf("docs/protocol.md is not what the code says (%v); run go test ./daemon/serve -run Reference -update", err)
	}
}

func TestEveryFaultIsInTheReference(t *testing.T) {
	seen := map[api.Code]bool{}
	for _, f := range api.Faults {
		if seen[f.Code] || f.When == "" {
			t.Errorf("%v stands twice or says nothing", f.Code)
		}
		seen[f.Code] = true
	}
	for c := api.Code(1); c < 100; c++ {
		if named := c == api.Failed || c.String() != api.Failed.String(); named && !seen[c] {
			t.Errorf("%v is missing", c)
		}
	}
}

// session is a conversation that the reference shows.
type session struct {
	title string
	conf  conf.HTTPServer
	steps []step
}

// step is a line typed, something written to the log or something that happens, and the number
// of lines that come back.
type step struct {
	say     string
	log     string
	silence bool // the fake tells of bytes that were missed
	events  []api.EventBatch
	hear    int
}

var sessions = []session{
	{title: "Ask for the state of a process, by name and by position:", steps: []step{
		{say: `{"id":1,"method":"supervisor.getProcessInfo","params":{"name":"web"}}`, hear: 1},
		{say: `{"id":2,"method":"supervisor.getProcessInfo","params":["nosuch"]}`, hear: 1},
	}},
	{title: "Follow a log, do something else meanwhile, and stop:", steps: []step{
		{say: `{"id":"log","method":"supervisor.followProcessLog","params":{"name":"web","channel":"stderr"}}`, hear: 1},
		{log: "listening on :8080\n", hear: 1},
		{say: `{"id":2,"method":"supervisor.getPID"}`, hear: 1},
		{log: "caf\xe9\n", hear: 1},
		{say: `{"id":3,"method":"system.cancel","params":{"id":"log"}}`, hear: 2},
	}},
	{title: "Follow all logs of some processes; a client that is too slow is told what it missed:", steps: []step{
		{say: `{"id":1,"method":"supervisor.followLogs","params":{"names":["web","jobs:*"],"lines":0}}`},
		{log: "listening on :8080\n", hear: 1},
		{silence: true, hear: 1},
		{say: `{"id":2,"method":"system.cancel","params":{"id":1}}`, hear: 2},
	}},
	eventSession,
	{title: "Mistakes are answered one by one, and the connection goes on:", steps: []step{
		{say: `{"id":1,"method":"supervisor.getState"`, hear: 1},
		{say: `["supervisor.getState"]`, hear: 1},
		{say: `{"id":2,"method":"startProces","params":{"name":"web"}}`, hear: 1},
		{say: `{"id":3,"method":"supervisor.startProcess","params":{"nmae":"web"}}`, hear: 1},
		{say: `{"id":4,"method":"supervisor.startProcess","params":{"name":"web","wait":"no"}}`, hear: 1},
	}},
	{title: "Log in where the section of the server has a user name:", conf: conf.HTTPServer{Username: ptr("joe"), Password: ptr("secret")}, steps: []step{
		{say: `{"id":1,"method":"supervisor.getState"}`, hear: 1},
		{say: `{"id":2,"method":"system.login","params":{"username":"joe","password":"secret"}}`, hear: 1},
		{say: `{"id":3,"method":"supervisor.getState"}`, hear: 1},
	}},
}

// play holds a session with a server of its own and returns its transcript.
func (s session) play(t *testing.T) string {
	r := newRig(t, s.conf, Options{Namespace: "supervisor"})
	k := r.dial()
	var b strings.Builder
	b.WriteString("$ nc -U /run/supervisor.sock\n")
	for _, st := range s.steps {
		if st.say != "" {
			b.WriteString("> " + st.say + "\n")
			k.say(st.say + "\n")
		}
		if st.log != "" || st.silence {
			r.fake.pieces <- st.log
		}
		for _, b := range st.events {
			r.fake.batches <- b
		}
		heard := make([]string, st.hear)
		for i := range heard {
			heard[i] = k.hear()
		}
		if len(heard) == 2 && heard[0] > heard[1] { // two requests end in any order
			heard[0], heard[1] = heard[1], heard[0]
		}
		for _, line := range heard {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

const protocolIntro = `<!-- Generated from the table of methods; go test ./daemon/serve -run Reference -update writes it anew. -->
# Control protocol

Every server socket of supervisord, UNIX or TCP, speaks three protocols. The first byte of a connection decides: an
opening brace or a blank begins newline-delimited JSON, described here; anything else is HTTP, with XML-RPC for existing
clients and a few plain URLs ([below](#http)). The methods are the same in all.

## Lines

A client sends requests, one JSON object a line; the server sends replies, one JSON object a line. All is UTF-8.

` + "```" + `
{"id": 1, "method": "supervisor.startProcess", "params": {"name": "web", "wait": true}}
` + "```" + `

* ` + "`id`" + ` is any string or number of the client's choice; every reply to the request carries it. It must be unique among the
  requests running on the connection. Without one, or with null, replies carry null and the request cannot be cancelled.
* ` + "`method`" + ` is a name from the [table of methods](#methods).
* ` + "`params`" + ` is an object of parameters by name or an array of parameters by position, and may be left out.

A reply is one of

* ` + "`{\"id\":1,\"result\":...}`" + `: the request is done.
* ` + "`{\"id\":1,\"error\":{\"code\":10,\"name\":\"BAD_NAME\",\"message\":\"BAD_NAME: nosuch\"}}`" + `: it failed. ` + "`code`" + ` and ` + "`name`" + ` are for programs,
  ` + "`message`" + ` is for people, and a ` + "`hint`" + `, where there is one, says what to do about it.
* ` + "`{\"id\":1,\"data\":...}`" + `: a piece of a stream. Any number of them come before the result or the error.

Requests run side by side and are answered in the order in which they end; the id tells which is which. A request that
waits (such as a start) keeps nobody else waiting. A client that goes away does not undo what it has begun. When a client
shuts down its sending side only, or over HTTP has sent the whole body, it still gets the answers to everything it has
sent, and its streams go on; while it merely listens it is sent a blank line every ten seconds, which it must ignore.
Blank lines from a client are ignored too.

Bytes (logs, and the input of a process) are a string where they are valid UTF-8, and ` + "`{\"base64\": \"...\"}`" + ` where they are
not. In a stream, a character is never split between two pieces. The first piece of a log may be empty; it says
that the log is open.

Output that goes to no file - NONE, ` + "`/dev/stdout`, syslog, a pipe - is streamed from memory, where `log_ring`" + ` keeps the end of
it. A client that takes it too slowly holds nobody up: it finds a line ` + "`==> 4096 bytes missed <==`" + ` where they were, and
followLogs, for which that holds whatever the output goes to, sends it a piece that says so.
`

const httpPart = `## HTTP

| Request | Answer |
|---|---|
| ` + "`POST /RPC2`" + ` | XML-RPC: the methods marked so above, with positional parameters. Bytes and text are strings in which whatever XML cannot carry is replaced by U+FFFD; integers are capped at 2147483647. ` + "`tailProcess*Log`" + ` returns an array ` + "`[data, offset, overflow]`" + ` and ` + "`reloadConfig`" + ` an array ` + "`[[added, changed, removed]]`" + `. Errors are faults with the same code and message. A document that is no call: 400 |
| ` + "`POST /ndjson`" + ` | the body, of any content type, holds request lines, the answer streams reply lines, as above; it may begin before the body ends |
| ` + "`GET /logtail/NAME`" + `, ` + "`GET /logtail/NAME/stderr`" + ` | the last 1024 bytes of a log as plain text, then whatever is written to it; 404 if there is no such process or log |
| ` + "`GET /mainlogtail`" + ` | the same for the activity log |
| ` + "`GET /ok.html`" + ` | ` + "`OK`" + ` |
| ` + "`GET /metrics`" + ` | what getMetrics returns, for Prometheus: [metrics.md](metrics.md) |
| ` + "`GET /livez`" + `, ` + "`GET /readyz`" + ` | whether the supervisor answers, and whether everything is up, as JSON with status 200 or 503: [metrics.md](metrics.md) |
| ` + "`GET /`" + ` and the URLs of the original's page | [the page](page.md) |

Where the section has a user name, everything needs Basic authentication (401), and lines in a body need no
` + "`system.login`" + ` (` + "`curl -u NAME:PASSWORD`" + `). What a page of another site may have sent through a browser, and could act, is refused (403), as is, by
a TCP server on a loopback address without a user name, a request whose ` + "`Host`" + ` is neither an IP address nor ` + "`localhost`" + `
nor the host of its section. Where there are roles, so is whoever plays none ([security.md](security.md)).

A request that two programs could read in two ways is refused, and the connection is closed: with 400 one without exactly one
` + "`Host`" + ` (HTTP/1.0 needs none), with two lengths, be they equal, with a length and a ` + "`Transfer-Encoding`" + `, with folded lines, control
characters or a blank before a colon; with 501 a ` + "`Transfer-Encoding`" + ` other than ` + "`chunked`" + `, with 417 an expectation other than
` + "`100-continue`" + `, with 505 another HTTP than 1.0 and 1.1.

` + "```" + `
$ curl --unix-socket /run/supervisor.sock http://localhost/ndjson -d '{"id":1,"method":"supervisor.getState"}'
{"id":1,"result":{"statecode":1,"statename":"RUNNING"}}
` + "```" + `
`

func renderReference(t *testing.T) string {
	var b strings.Builder
	b.WriteString(protocolIntro)
	b.WriteString("\n## Sessions\n\nLines after `>` are typed, the others are answers.\n")
	for _, s := range sessions {
		fmt.Fprintf(&b, "\n%s\n\n```\n%s```\n", s.title, s.play(t))
	}
	b.WriteString("\nIn a script, `curl` asks over [HTTP](#http) on the same socket, or `nc` directly, and `jq` picks the answers apart:\n\n```\n" +
		`$ curl -sS --unix-socket /run/supervisor.sock http://localhost/ndjson -d '{"method":"supervisor.getAllProcessInfo"}' | jq -r '.result[] | "\(.name) \(.statename)"'` +
		"\nweb RUNNING\n" +
		`$ echo '{"method":"supervisor.getAllProcessInfo"}' | nc -N -U /run/supervisor.sock | jq -r '.result[] | "\(.name) \(.statename)"'` +
		"\nweb RUNNING\n```\n\n")
	renderLimits(&b)
	renderErrors(&b)
	renderMethods(&b)
	renderStructs(&b)
	b.WriteString(renderEvents())
	b.WriteString(httpPart)
	return b.String()
}

func renderLimits(b *strings.Builder) {
	b.WriteString("## Limits\n\n| What | Limit | Beyond it |\n|---|---|---|\n")
	for _, row := range [][3]string{
		{"a request line", fmt.Sprintf("%d bytes", ndjson.MaxLine), "LINE_TOO_LONG at once; the line is skipped up to its newline and the connection goes on"},
		{"the results of a multicall", fmt.Sprintf("%d bytes", MaxMulticall), "FAILED for the one that is too much; the calls after it are not performed and FAILED too"},
		{"long replies on their way to one connection, and to all", fmt.Sprintf("%d bytes, %d bytes", MaxConnHeld, MaxHeld), fmt.Sprintf("reading a log waits for room, FAILED after %.0f s", maxWaitHeld.Seconds())},
		{"a reply line", "none", "a reply can be as long as a log; a piece of a stream has at most " + fmt.Sprint(maxPiece) + " bytes of it"},
		{"requests running on a connection", fmt.Sprint(MaxRequests), "further lines are not read until one has ended"},
		{"streams among them", fmt.Sprint(MaxStreams), "TOO_MANY_STREAMS"},
		{"streams of followLogs", fmt.Sprint(api.MaxFollowLogs) + " in all", "FAILED; followProcessLog has no such limit"},
		{"what such a stream holds for a client that is slow", fmt.Sprintf("%d bytes", api.MaxFollowHeld), "output is passed over, and a piece says how much"},
		{"wrong logins on a connection", fmt.Sprint(MaxLogins), "the connection is closed"},
		{"the answer to a wrong login", fmt.Sprintf("after %d ms", loginPause.Milliseconds()), fmt.Sprintf("at most %d at once on a server; the connections of the others are closed: 503 over HTTP, BUSY over lines", loginPauses)},
		{"connections to a server", fmt.Sprint(MaxConns), "BUSY, or HTTP 503; the connection is closed"},
		{"connections to all servers", fmt.Sprintf("half of the open files that the daemon may have, less %d", reserveFiles), "the same"},
		{"connections to a server that have made no request, or not logged in", "half of the former, or a quarter of the latter", fmt.Sprintf("the one that is silent for the longest, and at least for %.0f s, is closed", newcomerAge.Seconds())},
		{"silence of a new connection, and its login", fmt.Sprintf("%.0f s (UNIX), %.0f s (TCP)", unixFirstByte.Seconds(), inetFirstByte.Seconds()), "the connection is closed"},
		{"headers of an HTTP request", fmt.Sprintf("%d bytes, %d fields", MaxHeader, http1.MaxFields), "431; the connection is closed"},
		{"its first line, with method and target", fmt.Sprintf("%d bytes", http1.MaxLine), "414; the connection is closed"},
		{"lines of chunks, beyond 16 bytes and twice the length of each, and fields behind the last", fmt.Sprintf("%d bytes, %d bytes", http1.MaxExcess, http1.MaxExtras), "400, or the end of the lines; the connection is closed"},
		{"what is left of a body that nobody reads", fmt.Sprintf("%d bytes", maxUnread), "it is answered, and the connection is closed"},
		{"silence between two HTTP requests", fmt.Sprintf("%.0f s", idleTime.Seconds()), "the connection is closed"},
		{"the body of an XML-RPC call, and a pause in one of lines", fmt.Sprintf("%.0f s", bodyTimeout.Seconds()), "400; lines are taken to have ended, and what they began is answered"},
		{"what is sent to a client waits to be taken", fmt.Sprintf("%.0f s, and more for a long reply", writeTimeout.Seconds()), "the connection is closed"},
		{"clients that follow events", fmt.Sprint(api.MaxFollowers), "FAILED"},
		{"an XML-RPC call", fmt.Sprintf("%d bytes", xmlrpc.MaxBody), "413"},
	} {
		fmt.Fprintf(b, "| %s | %s | %s |\n", row[0], row[1], row[2])
	}
	b.WriteString("\n")
}

func renderErrors(b *strings.Builder) {
	b.WriteString("## Errors\n\nErrors of the wire:\n\n| Code | Name | When | The connection |\n|---|---|---|---|\n")
	for _, k := range ndjson.Kinds {
		after := "goes on"
		if k.Closes {
			after = "ends"
		}
		fmt.Fprintf(b, "| %d | %s | %s | %s |\n", k.Code, k.Name, k.When, after)
	}
	b.WriteString("\nFaults of the methods. The message is the name, and a detail where there is one:\n\n| Code | Name | When |\n|---|---|---|\n")
	for _, f := range api.Faults {
		fmt.Fprintf(b, "| %d | %s | %s |\n", f.Code, f.Code, f.When)
	}
	b.WriteString("\n")
}

func renderMethods(b *strings.Builder) {
	b.WriteString("## Methods\n\nParameters stand in the order in which an array gives them; those in brackets may be left out. Integers may be\n" +
		"given as digits in a string. *XML* marks the methods that XML-RPC clients can call, too; *stream* those that send data;\n" +
		"*read*, *operate* and *admin* say how much a method can do ([security.md](security.md)).\n")
	for i := range api.Methods {
		m := &api.Methods[i]
		marks := []string{m.Access.String()}
		if m.XMLRPC {
			marks = append(marks, "XML")
		}
		if m.Stream {
			marks = append(marks, "stream")
		}
		mark := " *" + strings.Join(marks, ", ") + "*"
		usage := ""
		if len(m.Params) > 0 {
			usage = m.Usage()
		}
		fmt.Fprintf(b, "\n### %s(%s)%s\n\n", m.Name, usage, mark)
		if m.AliasOf != "" {
			fmt.Fprintf(b, "Another name of `%s`.\n", m.AliasOf)
			continue
		}
		fmt.Fprintf(b, "%s\n\n", m.Doc)
		for _, p := range m.Params {
			tail := ""
			if p.Optional && p.Default != nil {
				tail = fmt.Sprintf(" (%v)", p.Default)
			}
			fmt.Fprintf(b, "* `%s` %s: %s%s\n", p.Name, p.Type, p.Doc, tail)
		}
		fmt.Fprintf(b, "* result %s: %s\n", lineType(m), m.ResultDoc)
	}
	b.WriteString("\n")
}

// lineType is the type of a result as lines have it: what XML-RPC wraps in
// arrays is an object there.
func lineType(m *api.Method) string {
	switch r := m.Name; {
	case strings.HasPrefix(r, "supervisor.tailProcess"):
		return "TailChunk"
	case r == "supervisor.reloadConfig":
		return "Reread"
	case r == "supervisor.configChanges":
		return "array of GroupChange"
	case r == "supervisor.updateGroup":
		return "GroupChange"
	case r == "supervisor.getEventPools":
		return "array of EventPool"
	case r == "supervisor.getEvents":
		return "EventList"
	case r == "supervisor.getMetrics":
		return "array of Metric"
	case r == "supervisor.getReadiness":
		return "Readiness"
	case r == "supervisor.getState":
		return "StateInfo"
	case r == "supervisor.getProcessInfo":
		return "ProcessInfo"
	case r == "supervisor.getAllProcessInfo":
		return "array of ProcessInfo"
	case r == "supervisor.explainProcess":
		return "Explanation"
	case r == "supervisor.waitProcess":
		return "array of WaitResult"
	case r == "supervisor.getAllProcessUsage":
		return "array of ProcessUsage"
	case r == "supervisor.getAllConfigInfo":
		return "array of ConfigInfo"
	case m.Result == api.Array && strings.HasPrefix(r, api.SupervisorPrefix):
		return "array of Status"
	}
	return string(m.Result)
}

func renderStructs(b *strings.Builder) {
	b.WriteString("## Structures\n\n")
	for _, v := range []any{api.ProcessInfo{}, api.Status{}, api.StateInfo{}, api.Readiness{}, api.Unready{}, api.Metric{}, api.Sample{}, api.Reread{}, api.TailChunk{}, api.LogPiece{}, api.ConfigInfo{},
		api.GroupChange{}, api.MemberChange{}, api.KeyChange{}, api.Explanation{}, api.Exit{}, api.Transition{}, api.LogTail{},
		api.WaitResult{}, api.ProcessUsage{}, api.EventsOpen{}, api.Gap{}, api.EventList{},
		api.EventPool{}, api.PoolListener{}} {
		rt := reflect.TypeOf(v)
		var fields []string
		for i := range rt.NumField() {
			f := rt.Field(i)
			name, left, _ := strings.Cut(f.Tag.Get("json"), ",")
			if left != "" {
				left = " (left out when empty)"
			}
			fields = append(fields, "`"+name+"` "+fieldType(f.Type)+left)
		}
		fmt.Fprintf(b, "* **%s**: %s\n", rt.Name(), strings.Join(fields, ", "))
	}
	b.WriteString("\nTimes are seconds since 1970, 0 for never; those that are numbers have a fraction. In ConfigInfo what is unset is the text `none` and what is automatic is `auto`.\n\n")
}

func fieldType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "int"
	case reflect.Float64:
		return "number"
	case reflect.Pointer:
		if t.Elem().Kind() == reflect.Struct {
			return t.Elem().Name()
		}
		return fieldType(t.Elem()) + " or null"
	case reflect.Interface:
		return "int, boolean or string"
	case reflect.Slice:
		if t == reflect.TypeFor[api.Labels]() {
			return "object of strings"
		}
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "array of " + fieldType(t.Elem())
	case reflect.Struct:
		return t.Name()
	}
	return t.String()
}
