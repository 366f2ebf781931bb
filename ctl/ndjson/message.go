package ndjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"unicode/utf8"

	"gosupervisor/ctl/jsontext"
)

// Request is one request line.
type Request struct {
	ID     json.RawMessage // a JSON scalar as it was sent; nil if there was none
	Method string
	Params json.RawMessage // an object, an array, or nil
}

// Reply is one reply line as a client sees it. Exactly one of Result, Data and
// Error is set; Data is a piece of a stream, the others are final.
type Reply struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
	Error  *Error          `json:"error,omitempty"`
}

// Final tells whether no further reply with the same id follows.
func (r *Reply) Final() bool { return r.Data == nil }

// EncodeRequest returns the line of a request, newline included. params is
// anything that encodes as an object or an array, or nil.
func EncodeRequest(id any, method string, params any) ([]byte, error) {
	return encode(struct {
		ID     any    `json:"id"`
		Method string `json:"method"`
		Params any    `json:"params,omitempty"`
	}{id, method, params})
}

// EncodeResult returns the final line of a successful request.
func EncodeResult(id json.RawMessage, result any) ([]byte, error) {
	return encode(struct {
		ID     json.RawMessage `json:"id"`
		Result any             `json:"result"`
	}{orNull(id), result})
}

// EncodeData returns the line of one piece of a stream.
func EncodeData(id json.RawMessage, data any) ([]byte, error) {
	return encode(struct {
		ID   json.RawMessage `json:"id"`
		Data any             `json:"data"`
	}{orNull(id), data})
}

// EncodeError returns the final line of a request that failed.
func EncodeError(id json.RawMessage, e *Error) ([]byte, error) {
	return encode(struct {
		ID    json.RawMessage `json:"id"`
		Error *Error          `json:"error"`
	}{orNull(id), e})
}

func orNull(id json.RawMessage) json.RawMessage {
	if len(id) == 0 {
		return json.RawMessage("null")
	}
	return id
}

// EncodeValue returns v as it stands in a line, for a line that is written in
// pieces.
func EncodeValue(v any) ([]byte, error) {
	b, err := encode(v)
	return bytes.TrimSuffix(b, []byte("\n")), err
}

// encode leaves out the escapes that only matter inside HTML; json.Encoder ends
// the line and never puts a newline inside it.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode line: %w", err)
	}
	return b.Bytes(), nil
}

// ParseRequest decodes one line without its newline; the request may point into
// it. With an error it still returns the id where that could be made out, so that
// the error can be answered to it.
func ParseRequest(line []byte) (Request, *Error) {
	if r, ok := usualRequest(line); ok {
		return r, nil
	}
	return anyRequest(line)
}

// usualRequest is anyRequest without reflection, for requests that have nothing
// unusual about them.
func usualRequest(line []byte) (r Request, ok bool) {
	if !utf8.Valid(line) {
		return r, false
	}
	s := jsontext.NewScanner(string(line))
	for s.Open('{'); s.Next('}'); {
		switch s.Key() {
		case "id":
			if c := s.Peek(); r.ID != nil || c == '{' || c == '[' {
				return r, false
			}
			r.ID = part(line, &s)
		case "method":
			if r.Method != "" {
				return r, false
			}
			r.Method = s.String()
		case "params":
			if c := s.Peek(); r.Params != nil || c != '{' && c != '[' {
				return r, false
			}
			r.Params = part(line, &s)
		default:
			return r, false
		}
	}
	return r, s.End() && r.Method != ""
}

// part returns the next value as it stands in line.
func part(line []byte, s *jsontext.Scanner) json.RawMessage {
	from, to := s.Skip()
	return line[from:to:to]
}

// anyRequest decodes a request and says what is wrong with it.
func anyRequest(line []byte) (Request, *Error) {
	members, e := parseObject(line)
	if e != nil {
		return Request{}, e
	}
	var r Request
	if id, ok := members["id"]; ok {
		if id[0] == '{' || id[0] == '[' {
			return r, NewError(CodeBadRequest, "id must be a string, a number or null, not "+kind(id), "")
		}
		r.ID = id
	}
	for _, name := range sortedKeys(members) {
		if name != "id" && name != "method" && name != "params" {
			return r, NewError(CodeBadRequest, "unknown member "+quote(name), "a request has id, method and params")
		}
	}
	method, ok := members["method"]
	if !ok {
		return r, NewError(CodeBadRequest, "method is missing", `write {"id":1,"method":"supervisor.getState"}`)
	}
	if method[0] != '"' || json.Unmarshal(method, &r.Method) != nil {
		return r, NewError(CodeBadRequest, "method must be a string, not "+kind(method), "")
	}
	if p, ok := members["params"]; ok && string(p) != "null" {
		if p[0] != '{' && p[0] != '[' {
			return r, NewError(CodeBadRequest, "params must be an object or an array, not "+kind(p), "")
		}
		r.Params = p
	}
	return r, nil
}

// ParseReply decodes one line that a server sent; the reply may point into it.
func ParseReply(line []byte) (Reply, error) {
	if r, ok := usualReply(line); ok {
		return r, nil
	}
	return anyReply(line)
}

// usualReply is anyReply without reflection, for replies that are no error and
// have nothing unusual about them.
func usualReply(line []byte) (r Reply, ok bool) {
	if !utf8.Valid(line) {
		return r, false
	}
	s := jsontext.NewScanner(string(line))
	for s.Open('{'); s.Next('}'); {
		var member *json.RawMessage
		switch s.Key() {
		case "id":
			member = &r.ID
		case "result":
			member = &r.Result
		case "data":
			member = &r.Data
		}
		if member == nil || *member != nil {
			return r, false
		}
		*member = part(line, &s)
	}
	return r, s.End() && (r.Result != nil || r.Data != nil)
}

// anyReply decodes a reply and says what is wrong with it.
func anyReply(line []byte) (Reply, error) {
	var r Reply
	members, e := parseObject(line)
	if e != nil {
		return r, e
	}
	r.ID, r.Result, r.Data = members["id"], members["result"], members["data"]
	if raw, ok := members["error"]; ok && string(raw) != "null" {
		r.Error = new(Error)
		if err := json.Unmarshal(raw, r.Error); err != nil {
			return r, fmt.Errorf("decode error of reply: %w", err)
		}
	}
	if r.Result == nil && r.Data == nil && r.Error == nil {
		return r, errors.New("decode reply: neither result nor data nor error")
	}
	return r, nil
}

// parseObject returns the members of the one object that line holds.
func parseObject(line []byte) (map[string]json.RawMessage, *Error) {
	if at := invalidUTF8(line); at >= 0 {
		return nil, NewError(CodeBadJSON, "byte "+strconv.Itoa(at+1)+" is not UTF-8", "")
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(line, &members)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, NewError(CodeBadJSON, "at byte "+strconv.FormatInt(syntax.Offset, 10)+": "+syntax.Error(), "send one JSON object a line")
	case err != nil || members == nil:
		return nil, NewError(CodeBadRequest, "the line must hold an object, not "+kind(bytes.TrimSpace(line)),
			`write {"id":1,"method":"supervisor.getState"}`)
	}
	return members, nil
}

func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// kind names what a valid JSON value is.
func kind(raw []byte) string {
	switch {
	case len(raw) == 0:
		return "nothing"
	case raw[0] == '{':
		return "an object"
	case raw[0] == '[':
		return "an array"
	case raw[0] == '"':
		return "a string"
	case raw[0] == 't', raw[0] == 'f':
		return "a boolean"
	case raw[0] == 'n':
		return "null"
	}
	return "a number"
}

func quote(name string) string {
	const most = 60
	if len(name) > most {
		name = name[:most] + "..."
	}
	return strconv.Quote(name)
}

func sortedKeys(m map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
