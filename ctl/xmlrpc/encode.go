package xmlrpc

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
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

// EncodeResponse returns a methodResponse with one value.
func EncodeResponse(v any) ([]byte, error) {
	var out bytes.Buffer
	if err := WriteResponse(&out, v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// WriteResponse writes what EncodeResponse returns, piece by piece: a long
// value is never in memory a second time.
func WriteResponse(w io.Writer, v any) error {
	e := &encoder{out: w}
	e.raw(declaration + "<methodResponse>\n<params>\n")
	if err := e.param(v); err != nil {
		return fmt.Errorf("encode response: %w", err)
	}
	e.raw("</params>\n</methodResponse>\n")
	return e.spill()
}

// ResponseSize returns how many bytes WriteResponse would write, or why it
// could not.
func ResponseSize(v any) (int64, error) {
	var n count
	err := WriteResponse(&n, v)
	return int64(n), err
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
		if !v.IsNil() {
			return e.value(v.Elem().Interface())
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
		if err := e.value(v.Index(i).Interface()); err != nil {
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
		if err := e.member(k.String(), v.MapIndex(k).Interface()); err != nil {
			return err
		}
	}
	e.raw("</struct></value>\n")
	return nil
}

func (e *encoder) fields(v reflect.Value) error {
	e.raw("<value><struct>\n")
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if err := e.member(name, v.Field(i).Interface()); err != nil {
			return err
		}
	}
	e.raw("</struct></value>\n")
	return nil
}

func (e *encoder) member(name string, v any) error {
	e.raw("<member>\n<name>")
	e.text(name)
	e.raw("</name>\n")
	err := e.value(v)
	e.raw("</member>\n")
	return err
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
	e.escape(p)
	e.raw("</string></value>\n")
}

// text escapes s in pieces, so that there is no second copy of all of it.
func (e *encoder) text(s string) {
	for len(s) > piece {
		cut := piece
		for i := range utf8.UTFMax { // more bytes than that are in no character
			if utf8.RuneStart(s[piece-i]) {
				cut = piece - i
				break
			}
		}
		e.escape([]byte(s[:cut]))
		s = s[cut:]
	}
	e.escape([]byte(s))
}

// escape writes p and replaces what XML cannot carry: bytes that are not
// UTF-8 and most control characters. A carriage return is written so that a
// parser does not take it for the end of a line.
func (e *encoder) escape(p []byte) {
	b := e.b
	for i := 0; i < len(p); {
		if len(b) >= piece {
			e.b = b
			_ = e.spill() // the last one tells
			b = e.b
		}
		c := p[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '&':
				b = append(b, "&amp;"...)
			case c == '<':
				b = append(b, "&lt;"...)
			case c == '>':
				b = append(b, "&gt;"...)
			case c == '\r':
				b = append(b, "&#13;"...)
			case c < 0x20 && c != '\t' && c != '\n':
				b = utf8.AppendRune(b, utf8.RuneError)
			default:
				b = append(b, c)
			}
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if !legalRune(r) {
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, r)
		i += size
	}
	e.b = b
}
