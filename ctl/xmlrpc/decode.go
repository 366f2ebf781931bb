package xmlrpc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of what is decoded.
const (
	MaxBody  = 8 << 20 // bytes of a call that a server reads
	maxDepth = 64      // values inside values
)

// The errors of decoding that callers tell apart. Every other one means that
// the document is malformed.
var (
	ErrTooLarge = errors.New("document too large")
	ErrNoMethod = errors.New("no method name")
)

// Call is a decoded methodCall.
type Call struct {
	Method string
	Params []any
}

// Fault is a decoded or encoded fault.
type Fault struct {
	Code int
	Text string
}

// Error implements error.
func (f *Fault) Error() string { return f.Text }

// DecodeCall reads a methodCall, whose size the caller has bounded.
func DecodeCall(in []byte) (Call, error) {
	p, err := newParser(in, false)
	if err != nil {
		return Call{}, err
	}
	var c Call
	if err := p.open("methodCall"); err != nil {
		return Call{}, err
	}
	if err := p.tag(); err != nil {
		return Call{}, err
	}
	if p.t.is(openTag, "methodName") {
		name, err := p.textUntil("methodName")
		if err != nil {
			return Call{}, err
		}
		c.Method = strings.TrimSpace(name)
		if err := p.tag(); err != nil {
			return Call{}, err
		}
	}
	if p.t.is(openTag, "params") {
		if c.Params, err = p.params(); err != nil {
			return Call{}, err
		}
		if err := p.tag(); err != nil {
			return Call{}, err
		}
	}
	if err := p.finish("methodCall"); err != nil {
		return Call{}, err
	}
	if c.Method == "" {
		return Call{}, ErrNoMethod
	}
	return c, nil
}

// DecodeResponse reads a methodResponse of at most max bytes. A fault comes
// back as a *Fault error. It is lenient with characters that XML forbids,
// because the original sends them, and takes nil and i8.
func DecodeResponse(r io.Reader, max int64) (any, error) {
	in, err := io.ReadAll(io.LimitReader(r, max+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(in)) > max:
		return nil, ErrTooLarge
	}
	p, err := newParser(in, true)
	if err != nil {
		return nil, err
	}
	if err := p.open("methodResponse"); err != nil {
		return nil, err
	}
	if err := p.tag(); err != nil {
		return nil, err
	}
	var value any
	var fault error
	switch {
	case p.t.is(openTag, "params"):
		list, err := p.params()
		if err != nil {
			return nil, err
		}
		if len(list) != 1 {
			return nil, fmt.Errorf("response holds %d values instead of one", len(list))
		}
		value = list[0]
	case p.t.is(openTag, "fault"):
		if fault, err = p.fault(); err != nil {
			return nil, err
		}
	default:
		return nil, p.unexpected()
	}
	if err := p.tag(); err != nil {
		return nil, err
	}
	if err := p.finish("methodResponse"); err != nil {
		return nil, err
	}
	return value, fault
}

// parser reads values from tokens.
type parser struct {
	scanner
	depth int
}

func newParser(in []byte, lax bool) (*parser, error) {
	p := new(parser)
	return p, p.begin(in, lax)
}

// unexpected is the error of the last token.
func (p *parser) unexpected() error {
	switch p.t.kind {
	case openTag:
		return p.errorf("unexpected <%.40s>", p.t.name)
	case closeTag:
		return p.errorf("unexpected </%.40s>", p.t.name)
	case chars:
		return p.errorf("unexpected text")
	}
	return p.errorf("unexpected end")
}

// tag finds the next tag; text before it must be blank.
func (p *parser) tag() error {
	for p.blanks(); ; {
		if err := p.next(); err != nil || p.t.kind != chars {
			return err
		}
		if strings.TrimSpace(p.t.text) != "" {
			return p.unexpected()
		}
	}
}

func (p *parser) expect(kind tokenKind, name string) error {
	if p.plainly(kind, name) {
		return nil
	}
	if err := p.tag(); err != nil {
		return err
	}
	if !p.t.is(kind, name) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) open(name string) error  { return p.expect(openTag, name) }
func (p *parser) close(name string) error { return p.expect(closeTag, name) }

// finish checks that the last tag closes the root element and that nothing
// follows it.
func (p *parser) finish(root string) error {
	if !p.t.is(closeTag, root) {
		return p.unexpected()
	}
	if err := p.tag(); err != nil {
		return err
	}
	if p.t.kind != endOfInput {
		return p.unexpected()
	}
	return nil
}

// textUntil returns the text up to the closing tag.
func (p *parser) textUntil(name string) (string, error) {
	text, err := p.chars()
	if err != nil {
		return "", err
	}
	if !p.t.is(closeTag, name) {
		return "", p.unexpected()
	}
	return text, nil
}

// chars returns the text that comes next, or none, and finds what follows it.
func (p *parser) chars() (text string, err error) {
	if err = p.next(); err == nil && p.t.kind == chars {
		text = p.t.text
		err = p.next()
	}
	return text, err
}

// params reads the params after their opening tag.
func (p *parser) params() ([]any, error) {
	list := []any{}
	for {
		if !p.plainly(openTag, "param") {
			if err := p.tag(); err != nil {
				return nil, err
			}
			if p.t.is(closeTag, "params") {
				return list, nil
			}
			if !p.t.is(openTag, "param") {
				return nil, p.unexpected()
			}
		}
		if err := p.open("value"); err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		if err := p.close("param"); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

// fault reads a fault after its opening tag.
func (p *parser) fault() (*Fault, error) {
	if err := p.open("value"); err != nil {
		return nil, err
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	members, _ := v.(map[string]any)
	code, isInt := members["faultCode"].(int64)
	text, isText := members["faultString"].(string)
	if !isInt || !isText {
		return nil, p.errorf("fault without code or text")
	}
	return &Fault{Code: int(code), Text: text}, p.close("fault")
}

// value reads a value after its opening tag, closing tag included.
func (p *parser) value() (any, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.errorf("values are nested too deeply")
	}
	defer func() { p.depth-- }()
	text, err := p.chars()
	if err != nil {
		return nil, err
	}
	if p.t.is(closeTag, "value") {
		return text, nil // without a type it is a string
	}
	if p.t.kind != openTag || strings.TrimSpace(text) != "" {
		return nil, p.unexpected()
	}
	v, err := p.typed(p.t.name)
	if err != nil {
		return nil, err
	}
	return v, p.close("value")
}

// typed reads the element that gives a value its type.
func (p *parser) typed(kind string) (any, error) {
	switch kind {
	case "array":
		return p.array()
	case "struct":
		return p.members()
	case "nil":
		if p.lax {
			return nil, p.close("nil")
		}
	case "i8", "int", "i4", "boolean", "string", "double", "dateTime.iso8601", "base64":
		if kind == "i8" && !p.lax {
			break
		}
		text, err := p.textUntil(kind)
		if err != nil {
			return nil, err
		}
		v, err := scalar(kind, text)
		if err != nil {
			return nil, p.errorf("%v", err)
		}
		return v, nil
	}
	return nil, p.errorf("unknown type <%.40s>", kind)
}

func scalar(kind, text string) (any, error) {
	trimmed := strings.TrimSpace(text)
	switch kind {
	case "string":
		return text, nil
	case "dateTime.iso8601":
		return trimmed, nil
	case "boolean":
		if trimmed == "0" || trimmed == "1" {
			return trimmed == "1", nil
		}
	case "double":
		if f, err := strconv.ParseFloat(trimmed, 64); err == nil {
			return f, nil
		}
	case "base64":
		compact := strings.Join(strings.Fields(text), "")
		if raw, err := base64.StdEncoding.DecodeString(compact); err == nil {
			return strings.ToValidUTF8(string(raw), "\uFFFD"), nil
		}
	default:
		if n, err := strconv.ParseInt(trimmed, 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%.40q is no %s", trimmed, kind)
}

func (p *parser) array() (any, error) {
	if err := p.open("data"); err != nil {
		return nil, err
	}
	list := []any{}
	for {
		if err := p.tag(); err != nil {
			return nil, err
		}
		if p.t.is(closeTag, "data") {
			return list, p.close("array")
		}
		if !p.t.is(openTag, "value") {
			return nil, p.unexpected()
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

func (p *parser) members() (any, error) {
	members := map[string]any{}
	for {
		if err := p.tag(); err != nil {
			return nil, err
		}
		if p.t.is(closeTag, "struct") {
			return members, nil
		}
		if !p.t.is(openTag, "member") {
			return nil, p.unexpected()
		}
		if err := p.open("name"); err != nil {
			return nil, err
		}
		name, err := p.textUntil("name")
		if err != nil {
			return nil, err
		}
		if err := p.open("value"); err != nil {
			return nil, err
		}
		if members[name], err = p.value(); err != nil {
			return nil, err
		}
		if err := p.close("member"); err != nil {
			return nil, err
		}
	}
}
