package xmlrpc

import (
	"fmt"
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
	b := appendText([]byte(declaration+"<methodCall>\n<methodName>"), method)
	b = append(b, "</methodName>\n<params>\n"...)
	for i, v := range params {
		var err error
		if b, err = appendParam(b, v); err != nil {
			return nil, fmt.Errorf("parameter %d of %s: %w", i+1, method, err)
		}
	}
	return append(b, "</params>\n</methodCall>\n"...), nil
}

// EncodeResponse returns a methodResponse with one value.
func EncodeResponse(v any) ([]byte, error) {
	b, err := appendParam([]byte(declaration+"<methodResponse>\n<params>\n"), v)
	if err != nil {
		return nil, fmt.Errorf("encode response: %w", err)
	}
	return append(b, "</params>\n</methodResponse>\n"...), nil
}

// EncodeFault returns a methodResponse with a fault.
func EncodeFault(code int, text string) []byte {
	b := []byte(declaration + "<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n")
	b = appendInt(b, int64(code))
	b = append(b, "</member>\n<member>\n<name>faultString</name>\n"...)
	b = appendString(b, text)
	return append(b, "</member>\n</struct></value>\n</fault>\n</methodResponse>\n"...)
}

func appendParam(b []byte, v any) ([]byte, error) {
	b, err := appendValue(append(b, "<param>\n"...), v)
	return append(b, "</param>\n"...), err
}

// appendValue writes one value, on lines of its own as Python does.
func appendValue(b []byte, v any) ([]byte, error) {
	switch x := v.(type) {
	case string:
		return appendString(b, x), nil
	case bool:
		return appendBool(b, x), nil
	case int64:
		return appendInt(b, x), nil
	case []byte:
		return appendString(b, string(x)), nil
	}
	return appendReflect(b, reflect.ValueOf(v))
}

func appendReflect(b []byte, v reflect.Value) ([]byte, error) {
	switch v.Kind() {
	case reflect.String:
		return appendString(b, v.String()), nil
	case reflect.Bool:
		return appendBool(b, v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return appendInt(b, int64(min(v.Uint(), math.MaxInt64))), nil
	case reflect.Float32, reflect.Float64:
		return appendDouble(b, v.Float())
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			return appendValue(b, v.Elem().Interface())
		}
	case reflect.Slice, reflect.Array:
		return appendArray(b, v)
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			return appendMap(b, v)
		}
	case reflect.Struct:
		return appendStruct(b, v)
	}
	if !v.IsValid() {
		return b, fmt.Errorf("nothing cannot be sent")
	}
	return b, fmt.Errorf("%s cannot be sent", v.Type())
}

func appendArray(b []byte, v reflect.Value) ([]byte, error) {
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return appendString(b, string(v.Bytes())), nil
	}
	b = append(b, "<value><array><data>\n"...)
	for i := range v.Len() {
		var err error
		if b, err = appendValue(b, v.Index(i).Interface()); err != nil {
			return b, err
		}
	}
	return append(b, "</data></array></value>\n"...), nil
}

func appendMap(b []byte, v reflect.Value) ([]byte, error) {
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	b = append(b, "<value><struct>\n"...)
	for _, k := range keys {
		var err error
		if b, err = appendMember(b, k.String(), v.MapIndex(k).Interface()); err != nil {
			return b, err
		}
	}
	return append(b, "</struct></value>\n"...), nil
}

func appendStruct(b []byte, v reflect.Value) ([]byte, error) {
	b = append(b, "<value><struct>\n"...)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		var err error
		if b, err = appendMember(b, name, v.Field(i).Interface()); err != nil {
			return b, err
		}
	}
	return append(b, "</struct></value>\n"...), nil
}

func appendMember(b []byte, name string, v any) ([]byte, error) {
	b = appendText(append(b, "<member>\n<name>"...), name)
	b, err := appendValue(append(b, "</name>\n"...), v)
	return append(b, "</member>\n"...), err
}

// appendInt caps n at the 32 bits that XML-RPC has: clients refuse more.
func appendInt(b []byte, n int64) []byte {
	n = min(max(n, math.MinInt32), math.MaxInt32)
	b = strconv.AppendInt(append(b, "<value><int>"...), n, 10)
	return append(b, "</int></value>\n"...)
}

func appendDouble(b []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, fmt.Errorf("%v cannot be sent", f)
	}
	b = strconv.AppendFloat(append(b, "<value><double>"...), f, 'g', -1, 64)
	return append(b, "</double></value>\n"...), nil
}

func appendBool(b []byte, v bool) []byte {
	digit := byte('0')
	if v {
		digit = '1'
	}
	b = append(b, "<value><boolean>"...)
	return append(append(b, digit), "</boolean></value>\n"...)
}

func appendString(b []byte, s string) []byte {
	b = appendText(append(b, "<value><string>"...), s)
	return append(b, "</string></value>\n"...)
}

// appendText escapes s and replaces what XML cannot carry: bytes that are not
// UTF-8 and most control characters. A carriage return is written so that a
// parser does not take it for the end of a line.
func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
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
		r, size := utf8.DecodeRuneInString(s[i:])
		if !legalRune(r) {
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, r)
		i += size
	}
	return b
}
