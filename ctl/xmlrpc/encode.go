package xmlrpc

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

const declaration = "<?xml version='1.0'?>\n"

// EncodeCall returns a methodCall.
func EncodeCall(method string, params ...any) ([]byte, error) {
	var out bytes.Buffer
	e := &encoder{out: &out}
	e.raw(declaration + "<methodCall>\n<methodName>")
	e.text(method)
	e.raw("</methodName>\n<params>\n")
	for i, v := range params {
		if err := e.param(v); err != nil {
			return nil, fmt.Errorf("parameter %d of %s: %w", i+1, method, err)
		}
	}
	e.raw("</params>\n</methodCall>\n")
	_ = e.spill() // a buffer takes everything
	return out.Bytes(), nil
}

// WriteResponse writes a methodResponse with one value, piece by piece: a long
// value is never in memory a second time.
func WriteResponse(w io.Writer, v any) error {
	e := &encoder{out: w}
	if err := e.response(v); err != nil {
		return err
	}
	return e.spill()
}

// ResponseSize returns how many bytes WriteResponse would write, or why it
// could not. If they are few it returns them too, in the place of scratch, which
// may be nil.
func ResponseSize(scratch []byte, v any) (short []byte, size int64, err error) {
	var n count
	e := &encoder{out: &n, b: scratch[:0]}
	if err := e.response(v); err != nil {
		return nil, 0, err
	}
	if n == 0 {
		return e.b, int64(len(e.b)), nil
	}
	_ = e.spill() // it only counts
	return nil, int64(n), nil
}

// count is a writer that only counts.
type count int64

// Write implements io.Writer.
func (n *count) Write(p []byte) (int, error) {
	*n += count(len(p))
	return len(p), nil
}

// EncodeFault returns a methodResponse with a fault.
func EncodeFault(code int, text string) []byte {
	var out bytes.Buffer
	e := &encoder{out: &out}
	e.raw(declaration + "<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n")
	e.int(int64(code))
	e.raw("</member>\n<member>\n<name>faultString</name>\n")
	e.string(text)
	e.raw("</member>\n</struct></value>\n</fault>\n</methodResponse>\n")
	_ = e.spill() // a buffer takes everything
	return out.Bytes()
}

// piece is how much an encoder gathers before it writes.
const piece = 32 << 10

// encoder writes XML to out. After the first error of out it drops the rest.
type encoder struct {
	out io.Writer
	b   []byte
	err error
}

// spill writes what was gathered and returns the first error of out.
func (e *encoder) spill() error {
	if e.err == nil && len(e.b) > 0 {
		_, e.err = e.out.Write(e.b)
	}
	e.b = e.b[:0]
	return e.err
}

func (e *encoder) raw(s string) {
	e.b = append(e.b, s...)
	if len(e.b) >= piece {
		_ = e.spill() // the last one tells
	}
}

func (e *encoder) response(v any) error {
	e.raw(declaration + "<methodResponse>\n<params>\n")
	if err := e.param(v); err != nil {
		return fmt.Errorf("encode response: %w", err)
	}
	e.raw("</params>\n</methodResponse>\n")
	return nil
}

func (e *encoder) param(v any) error {
	e.raw("<param>\n")
	err := e.value(v)
	e.raw("</param>\n")
	return err
}

// value writes one value, on lines of its own as Python does.
func (e *encoder) value(v any) error {
	switch x := v.(type) {
	case string:
		e.string(x)
	case bool:
		e.bool(x)
	case int64:
		e.int(x)
	case []byte:
		e.bytes(x)
	default:
		return e.reflect(reflect.ValueOf(v))
	}
	return nil
}

func (e *encoder) reflect(v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		e.string(v.String())
		return nil
	case reflect.Bool:
		e.bool(v.Bool())
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.int(v.Int())
		return nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.int(int64(min(v.Uint(), math.MaxInt64)))
		return nil
	case reflect.Float32, reflect.Float64:
		return e.double(v.Float())
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() || v.Kind() == reflect.Interface {
			return e.reflect(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		return e.array(v)
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			return e.dict(v)
		}
	case reflect.Struct:
		return e.fields(v)
	}
	if !v.IsValid() {
		return fmt.Errorf("nothing cannot be sent")
	}
	return fmt.Errorf("%s cannot be sent", v.Type())
}

func (e *encoder) array(v reflect.Value) error {
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		e.bytes(v.Bytes())
		return nil
	}
	e.raw("<value><array><data>\n")
	for i := range v.Len() {
		if err := e.reflect(v.Index(i)); err != nil {
			return err
		}
	}
	e.raw("</data></array></value>\n")
	return nil
}

func (e *encoder) dict(v reflect.Value) error {
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	e.raw("<value><struct>\n")
	for _, k := range keys {
		e.raw(member(k.String()))
		if err := e.reflect(v.MapIndex(k)); err != nil {
			return err
		}
		e.raw("</member>\n")
	}
	e.raw("</struct></value>\n")
	return nil
}

func (e *encoder) fields(v reflect.Value) error {
	e.raw("<value><struct>\n")
	for _, m := range membersOf(v.Type()) {
		e.raw(m.open)
		if err := e.reflect(v.Field(m.field)); err != nil {
			return err
		}
		e.raw("</member>\n")
	}
	e.raw("</struct></value>\n")
	return nil
}

// member is how a member of a struct begins.
func member(name string) string {
	var e encoder
	e.raw("<member>\n<name>")
	e.text(name)
	e.raw("</name>\n")
	return string(e.b)
}

// field is a field of a struct that is sent.
type field struct {
	open  string // how it begins
	field int
}

// known has the fields of the types that have been sent, which are few. It is
// replaced as a whole.
var known atomic.Pointer[map[reflect.Type][]field]

func membersOf(t reflect.Type) []field {
	old := known.Load()
	if old != nil {
		if fields, ok := (*old)[t]; ok {
			return fields
		}
	}
	fields := []field{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields = append(fields, field{member(name), i})
	}
	more := map[reflect.Type][]field{t: fields}
	if old != nil {
		maps.Copy(more, *old)
	}
	known.CompareAndSwap(old, &more) // who comes too late does it again the next time
	return fields
}

// int caps n at the 32 bits that XML-RPC has: clients refuse more.
func (e *encoder) int(n int64) {
	n = min(max(n, math.MinInt32), math.MaxInt32)
	e.raw("<value><int>")
	e.b = strconv.AppendInt(e.b, n, 10)
	e.raw("</int></value>\n")
}

func (e *encoder) double(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("%v cannot be sent", f)
	}
	e.raw("<value><double>")
	e.b = strconv.AppendFloat(e.b, f, 'g', -1, 64)
	e.raw("</double></value>\n")
	return nil
}

func (e *encoder) bool(v bool) {
	digit := "0"
	if v {
		digit = "1"
	}
	e.raw("<value><boolean>" + digit + "</boolean></value>\n")
}

func (e *encoder) string(s string) {
	e.raw("<value><string>")
	e.text(s)
	e.raw("</string></value>\n")
}

func (e *encoder) bytes(p []byte) {
	e.raw("<value><string>")
	for len(p) > piece {
		n := whole(p[:piece])
		e.escape(string(p[:n]))
		p = p[n:]
	}
	e.escape(string(p))
	e.raw("</string></value>\n")
}

// text escapes s in pieces, so that there is no second copy of all of it.
func (e *encoder) text(s string) {
	for len(s) > piece {
		n := whole(s[:piece])
		e.escape(s[:n])
		s = s[n:]
	}
	e.escape(s)
}

// whole returns how much of a piece of a text ends with no part of a character.
func whole[T string | []byte](p T) int {
	for i := range utf8.UTFMax { // more bytes than that are in no character
		if n := len(p) - 1 - i; n > 0 && utf8.RuneStart(p[n]) {
			return n
		}
	}
	return len(p)
}

// escape writes p and replaces what XML cannot carry: bytes that are not
// UTF-8 and most control characters. A carriage return is written so that a
// parser does not take it for the end of a line.
func (e *encoder) escape(p string) {
	for p != "" {
		n, room := 0, min(len(p), max(1, piece-len(e.b)))
		for n < room && plain[p[n]] {
			n++
		}
		if n > 0 {
			e.raw(p[:n])
			p = p[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(p)
		switch {
		case r == '&':
			e.raw("&amp;")
		case r == '<':
			e.raw("&lt;")
		case r == '>':
			e.raw("&gt;")
		case r == '\r':
			e.raw("&#13;")
		case r == utf8.RuneError, !legalRune(r):
			e.raw("\uFFFD")
		default:
			e.raw(p[:size])
		}
		p = p[size:]
	}
}

// plain has the bytes that stay as they are.
var plain = func() (t [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		t[c] = c != '&' && c != '<' && c != '>'
	}
	t['\t'], t['\n'] = true, true
	return t
}()
