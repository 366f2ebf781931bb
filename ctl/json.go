package ctl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
	"gosupervisor/tty"
)

// With --json a command prints replies of the control protocol without their
// id, one a line: {"result":...} or {"error":...} at its end, and before that
// {"data":...} for each piece of what goes on, as a log that is followed. A
// command that failed halfway has both a result, which is what was done, and an
// error. docs/ctl.md has the result of each verb.
//
// A verb answers with one of these, all of which do nothing without --json:
//
//	s.result(value)      the result
//	s.entry(value)       one more element of the result, which is then an array
//	s.data(value)        a piece of a stream; it is written at once
//
// and a failure, with --json or without, is told by s.complain, or is an error
// that the verb returns. All other text goes nowhere: with --json, s.out and
// s.printf lead to io.Discard, so a verb prints as ever and needs no if. One that
// answers nothing has the result true.

// replies is the answer of one command with --json.
type replies struct {
	w      io.Writer
	server string // of one of several
	value  any
	list   []any
	isList bool
	err    *problem
}

// problem is what a failure is in JSON: the error member of a reply.
type problem struct {
	Code    api.Code `json:"code"`
	Name    string   `json:"name"`
	Message string   `json:"message"`
	Hint    string   `json:"hint,omitempty"`
}

// The codes of what goes wrong on this side of the wire. Those of faults are
// below 100, those of the wire between 400 and 599.
const (
	codeUnauthorized  api.Code = 401
	codeCancelled     api.Code = 499
	codeBadUsage      api.Code = 600
	codeTimeout       api.Code = 601
	codeRefused       api.Code = 602
	codeNoSocket      api.Code = 603
	codePermission    api.Code = 604
	codeUnreachable   api.Code = 605
	codeNoAnswer      api.Code = 606
	codeLost          api.Code = 607
	codeNotSupervisor api.Code = 608
	codeOtherVersion  api.Code = 609
	codeRejected      api.Code = 610
	codeBadURL        api.Code = 611
	codeBadConfig     api.Code = 612
	codeCertificate   api.Code = 613
)

// problemNames is a list, since a map would be filled whenever the program starts.
var problemNames = []struct {
	code api.Code
	name string
}{
	{codeUnauthorized, "UNAUTHORIZED"}, {codeCancelled, "CANCELLED"}, {codeBadUsage, "BAD_USAGE"}, {codeTimeout, "TIMEOUT"},
	{codeRefused, "CONNECTION_REFUSED"}, {codeNoSocket, "NO_SOCKET"}, {codePermission, "PERMISSION"}, {codeUnreachable, "UNREACHABLE"},
	{codeNoAnswer, "NO_ANSWER"}, {codeLost, "CONNECTION_LOST"}, {codeNotSupervisor, "NOT_SUPERVISOR"}, {codeOtherVersion, "OTHER_VERSION"},
	{codeRejected, "REJECTED"}, {codeBadURL, "BAD_URL"}, {codeBadConfig, "BAD_CONFIG"},
	{codeCertificate, "BAD_CERTIFICATE"},
}

// nameOf returns the name of a code.
func nameOf(code api.Code) string {
	for _, p := range problemNames {
		if p.code == code {
			return p.name
		}
	}
	return code.String()
}

// clientCode is the code of what a client finds out about its server; 0: there is none.
func clientCode(kind error) api.Code {
	switch kind {
	case client.ErrUnauthorized:
		return codeUnauthorized
	case client.ErrRefused:
		return codeRefused
	case client.ErrNoFile:
		return codeNoSocket
	case client.ErrPermission:
		return codePermission
	case client.ErrUnreachable:
		return codeUnreachable
	case client.ErrTimeout:
		return codeNoAnswer
	case client.ErrLost:
		return codeLost
	case client.ErrNotSupervisor:
		return codeNotSupervisor
	case client.ErrRejected:
		return codeRejected
	case client.ErrProtocol:
		return codeBadURL
	case client.ErrCertificate:
		return codeCertificate
	}
	return 0
}

// newProblem returns a problem with the name of its code; the message is that
// and text.
func newProblem(code api.Code, text string) *problem {
	name := nameOf(code)
	for _, prefix := range []string{"Error: ", "ERROR: ", "error: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	if text != name && !strings.HasPrefix(text, name+": ") {
		text = strings.TrimSuffix(name+": "+text, ": ")
	}
	return &problem{Code: code, Name: name, Message: text}
}

// problemOf returns what an error is in JSON.
func problemOf(err error) *problem {
	var fault *api.Fault
	var late *lateError
	var own *client.Error
	switch {
	case errors.As(err, &fault):
		p := newProblem(fault.Code, fault.Text())
		p.Hint = fault.Hint
		return p
	case errors.As(err, &late):
		return newProblem(codeTimeout, err.Error())
	case errors.Is(err, context.Canceled):
		return newProblem(codeCancelled, "interrupted")
	case errors.As(err, &own) && clientCode(own.Kind) != 0:
		p := newProblem(clientCode(own.Kind), err.Error())
		p.Hint = strings.Join(own.Hints, "\n")
		return p
	}
	return newProblem(api.Failed, err.Error())
}

// wantsJSON tells whether the command was given --json.
func (s *session) wantsJSON() bool { return s.replies != nil }

func (s *session) result(value any) {
	if s.replies != nil {
		s.replies.value = value
	}
}

func (s *session) entry(value any) {
	if s.replies != nil {
		s.replies.list, s.replies.isList = append(s.replies.list, value), true
	}
}

// takeEntries takes the elements of the result back, for a result that is
// made of several arrays.
func (s *session) takeEntries() []any {
	if s.replies == nil {
		return nil
	}
	list := listOf(s.replies.list)
	s.replies.list, s.replies.isList = nil, false
	return list
}

// entries says that the result is an array, be it an empty one.
func (s *session) entries() {
	if s.replies != nil {
		s.replies.isList = true
	}
}

func (s *session) data(value any) {
	if s.replies != nil {
		s.replies.write(struct {
			Server string `json:"server,omitempty"`
			Data   any    `json:"data"`
		}{s.replies.server, value})
	}
}

// complain tells of a failure: text as it is, or p in its place. exit is the
// exit code; 0 leaves it.
func (s *session) complain(exit int, p *problem, text string) {
	s.printf("%s", text)
	s.record(p)
	if exit != 0 {
		s.fail(exit)
	}
}

// sideComplaint tells of a failure on the standard error, or in JSON; it leaves
// the exit code alone.
func (s *session) sideComplaint(p *problem, format string, args ...any) {
	if s.replies == nil {
		warn(s.errs, format, args...)
		return
	}
	s.record(p)
}

// record has the command end with an error, if only in JSON. The first one
// stays.
func (s *session) record(p *problem) {
	if s.replies != nil && s.replies.err == nil {
		s.replies.err = p
	}
}

// openReplies turns the output of a command to JSON; the function that it
// returns ends that.
func (s *session) openReplies() (end func()) {
	text := s.out
	s.replies, s.out = &replies{w: text}, io.Discard
	if s.label != "" {
		s.replies.server = s.url
	}
	return func() {
		s.replies.end()
		s.replies, s.out = nil, text
	}
}

func (r *replies) end() {
	reply := struct {
		Server string   `json:"server,omitempty"`
		Result any      `json:"result,omitempty"`
		Error  *problem `json:"error,omitempty"`
	}{r.server, r.value, r.err}
	switch {
	case r.isList && (r.err == nil || len(r.list) > 0):
		reply.Result = listOf(r.list)
	case r.value == nil && r.err == nil:
		reply.Result = true
	}
	r.write(reply)
}

// write writes one line. What JSON lets stand but a terminal obeys is escaped.
func (r *replies) write(reply any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(reply); err != nil {
		panic(fmt.Sprintf("bug: %v", err)) // the values are ours
	}
	io.WriteString(r.w, escapeControls(b.String()))
}

// escapeControls escapes what isHighControl is true of, which can only stand
// inside strings.
func escapeControls(line string) string {
	if !strings.ContainsFunc(line, isHighControl) {
		return line
	}
	var b strings.Builder
	for _, r := range line {
		if isHighControl(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isHighControl tells whether a terminal may obey a character above the blank, which
// JSON lets stand.
func isHighControl(r rune) bool { return r > ' ' && tty.Obeys(r) }
