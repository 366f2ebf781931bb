package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gosupervisor/ctl/jsontext"
)

// Bind makes the request of a call with positional arguments. Values are
// nil, bool, int64, float64, string, []byte, []any and map[string]any.
func (m *Method) Bind(positional []any) (Request, *Fault) {
	a, f := m.Args(positional)
	if f != nil {
		return nil, f
	}
	return m.build(a)
}

// BindNamed makes the request of a call whose arguments are given by name.
func (m *Method) BindNamed(named map[string]json.RawMessage) (Request, *Fault) {
	a, f := m.NamedArgs(named)
	if f != nil {
		return nil, f
	}
	return m.build(a)
}

// BindJSON makes the request of a call whose parameters are a JSON object (by
// name), a JSON array (by position), or absent.
func (m *Method) BindJSON(p json.RawMessage) (Request, *Fault) {
	a, f := m.ArgsJSON(p)
	if f != nil {
		return nil, f
	}
	return m.build(a)
}

func (m *Method) build(a []any) (Request, *Fault) {
	if m.Build == nil {
		return nil, NewFault(UnknownMethod, "")
	}
	return m.Build(a), nil
}

// Args checks positional arguments: their number and their types. The result
// has one value for each parameter, of the Go type that Build expects.
func (m *Method) Args(positional []any) ([]any, *Fault) {
	if len(positional) > len(m.Params) || len(positional) < m.required() {
		return nil, m.wrongCount(len(positional))
	}
	out := make([]any, len(m.Params))
	for i := range m.Params {
		p := &m.Params[i]
		if i >= len(positional) {
			out[i] = p.Default
			continue
		}
		v, f := p.convert(positional[i], false)
		if f != nil {
			return nil, f
		}
		out[i] = v
	}
	return out, nil
}

// NamedArgs checks arguments given by name. Unlike Args it takes no text for
// a boolean, because "false" would be true.
func (m *Method) NamedArgs(named map[string]json.RawMessage) ([]any, *Fault) {
	for name := range named {
		if m.param(name) == nil {
			return nil, m.unknownParam(name)
		}
	}
	out := make([]any, len(m.Params))
	for i := range m.Params {
		p := &m.Params[i]
		raw, ok := named[p.Name]
		if ok && p.Optional && string(bytes.TrimSpace(raw)) == "null" {
			ok = false
		}
		if !ok {
			if !p.Optional {
				return nil, &Fault{Code: IncorrectParameters, Detail: p.Name + " is missing",
					Hint: m.Name + " takes " + m.Usage()}
			}
			out[i] = p.Default
			continue
		}
		v, err := decodeValue(raw)
		if err != nil {
			return nil, NewFault(IncorrectParameters, p.Name+": "+err.Error())
		}
		var f *Fault
		if out[i], f = p.convert(v, true); f != nil {
			return nil, f
		}
	}
	return out, nil
}

// ArgsJSON checks parameters given as a JSON object or array, or not at all.
func (m *Method) ArgsJSON(p json.RawMessage) ([]any, *Fault) {
	if args, ok := m.usualArgs(p); ok {
		return args, nil
	}
	return m.anyArgs(p)
}

// usualArgs is anyArgs without reflection, for parameters by name that are plain
// and right.
func (m *Method) usualArgs(p json.RawMessage) ([]any, bool) {
	if len(p) == 0 || p[0] != '{' || !utf8.Valid(p) {
		return nil, false
	}
	args := make([]any, len(m.Params))
	s := jsontext.NewScanner(string(p))
	for s.Open('{'); s.Next('}'); {
		i, key := 0, s.Key()
		for i < len(m.Params) && m.Params[i].Name != key {
			i++
		}
		if i == len(m.Params) || args[i] != nil {
			return nil, false
		}
		var v any
		switch s.Peek() {
		case '"':
			v = s.String()
		case 't', 'f':
			v = s.Bool()
		default:
			v = s.Int()
		}
		if !s.OK() {
			return nil, false
		}
		var f *Fault
		if args[i], f = m.Params[i].convert(v, true); f != nil {
			return nil, false
		}
	}
	for i := range args {
		if args[i] == nil && !m.Params[i].Optional {
			return nil, false
		}
		if args[i] == nil {
			args[i] = m.Params[i].Default
		}
	}
	return args, s.End()
}

// anyArgs checks parameters and says what is wrong with them.
func (m *Method) anyArgs(p json.RawMessage) ([]any, *Fault) {
	p = bytes.TrimSpace(p)
	switch {
	case len(p) == 0 || string(p) == "null":
		return m.Args(nil)
	case p[0] == '[':
		v, err := decodeValue(p)
		if list, ok := v.([]any); ok && err == nil {
			return m.Args(list)
		}
	case p[0] == '{':
		var named map[string]json.RawMessage
		if json.Unmarshal(p, &named) == nil {
			return m.NamedArgs(named)
		}
	}
	return nil, &Fault{Code: IncorrectParameters, Detail: "params must be an object or an array",
		Hint: m.Name + " takes " + m.Usage()}
}

func (m *Method) required() int {
	n := 0
	for n < len(m.Params) && !m.Params[n].Optional {
		n++
	}
	return n
}

func (m *Method) param(name string) *Param {
	for i := range m.Params {
		if m.Params[i].Name == name {
			return &m.Params[i]
		}
	}
	return nil
}

func (m *Method) wrongCount(got int) *Fault {
	return &Fault{Code: IncorrectParameters,
		Hint: fmt.Sprintf("%s takes %s; %d given", m.Name, m.Usage(), got)}
}

func (m *Method) unknownParam(name string) *Fault {
	var names []string
	for i := range m.Params {
		names = append(names, m.Params[i].Name)
	}
	f := &Fault{Code: IncorrectParameters, Detail: "no parameter " + Shorten(strconv.Quote(name)),
		Hint: m.Name + " takes " + m.Usage()}
	if near := Nearest(name, names); near != "" {
		f.Hint = "did you mean " + near + "?"
	}
	return f
}

// convert turns a decoded value into the Go type of the parameter.
func (p *Param) convert(v any, strict bool) (any, *Fault) {
	switch p.Type {
	case Any:
		return v, nil
	case String:
		if s, ok := v.(string); ok {
			return s, nil
		}
	case Data:
		switch b := v.(type) {
		case string:
			return b, nil
		case []byte:
			return string(b), nil
		case map[string]any:
			if s, ok := decodeBase64(b); ok {
				return s, nil
			}
		}
	case Int:
		if n, ok := integer(v); ok {
			return n, nil
		}
	case Boolean:
		if b, ok := boolean(v, strict); ok {
			return b, nil
		}
	case Signal:
		switch s := v.(type) {
		case string:
			return s, nil
		case int64:
			return strconv.FormatInt(s, 10), nil
		}
	case Output:
		if s, ok := v.(string); ok && (s == string(Stdout) || s == string(Stderr)) {
			return s, nil
		}
	case ToState:
		if s, ok := v.(string); ok && slices.Contains(Goals, Goal(s)) {
			return s, nil
		}
	case Names:
		names, ok := names(v)
		if len(names) > MaxNames {
			return nil, NewFault(IncorrectParameters, fmt.Sprintf("%s has more than %d names", p.Name, MaxNames))
		}
		if ok {
			return names, nil
		}
	case Array:
		if list, ok := v.([]any); ok {
			return list, nil
		}
	case Struct:
		if members, ok := v.(map[string]any); ok {
			return members, nil
		}
	}
	return nil, p.wrongType(v)
}

// wanted says what a parameter of a type takes.
func wanted(t Type) string {
	switch t {
	case String:
		return "a string"
	case Data:
		return `a string, or {"base64": "..."}`
	case Int:
		return "an integer"
	case Boolean:
		return "true or false"
	case Signal:
		return "the name or the number of a signal"
	case Output:
		return "stdout or stderr"
	case Array:
		return "an array"
	case Struct:
		return "an object"
	case ToState:
		return "running, stopped, exited or fatal"
	case Names:
		return "a string or an array of strings"
	}
	return ""
}

func (p *Param) wrongType(v any) *Fault {
	detail := p.Name + " must be " + wanted(p.Type) + ", not " + show(v)
	if p.Echo {
		return &Fault{Code: IncorrectParameters, Detail: show(v), Hint: detail}
	}
	return NewFault(IncorrectParameters, detail)
}

// integer accepts digit strings, because clients send them.
func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case string:
		i, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		return i, err == nil
	}
	return 0, false
}

// MaxNames bounds a list of names. Each is held against each process, for as long
// as a stream lasts; who means many says group:* or all.
const MaxNames = 1000

// names accepts one name in place of a list of one, and keeps one of each.
func names(v any) (list []string, ok bool) {
	switch x := v.(type) {
	case string:
		return []string{x}, true
	case []any:
		seen := make(map[string]bool)
		for _, e := range x {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			if !seen[s] {
				seen[s] = true
				list = append(list, s)
			}
		}
		return list, true
	}
	return nil, false
}

// boolean goes by truth value: nothing, zero and empty are false. When strict
// it takes true, false, 1 and 0 only.
func boolean(v any, strict bool) (value, ok bool) {
	switch b := v.(type) {
	case bool:
		return b, true
	case int64:
		return b != 0, !strict || b == 0 || b == 1
	case nil:
		return false, !strict
	case string:
		return b != "", !strict
	case float64:
		return b != 0, !strict
	case []any:
		return len(b) > 0, !strict
	case map[string]any:
		return len(b) > 0, !strict
	}
	return true, !strict
}

// show renders a value for a message, in one line of bounded length.
func show(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	case string:
		return Shorten(strconv.Quote(x))
	}
	return Shorten(fmt.Sprint(v))
}

// Shorten cuts s to a length that is fit for a message.
func Shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// decodeValue decodes one JSON value, keeping whole numbers exact.
func decodeValue(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return plainNumbers(v), nil
}

// plainNumbers replaces every json.Number by an int64, or by a float64 where
// it is no whole number.
func plainNumbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n
		}
		f, _ := x.Float64()
		return f
	case []any:
		for i := range x {
			x[i] = plainNumbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = plainNumbers(x[k])
		}
	}
	return v
}

func decodeBase64(o map[string]any) (string, bool) {
	if len(o) != 1 {
		return "", false
	}
	if _, ok := o["base64"].(string); !ok {
		return "", false
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return "", false
	}
	var b Bytes
	if b.UnmarshalJSON(raw) != nil {
		return "", false
	}
	return string(b), true
}
