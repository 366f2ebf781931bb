package conf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The value templates are printf-like: %(name)s, with the flags, width, precision
// and conversions of the language the original is written in.

// operand is what a name stands for: a text, or for a few names a number.
type operand struct {
	text   string
	number int
	isNum  bool
}

func (o operand) String() string {
	if o.isNum {
		return strconv.Itoa(o.number)
	}
	return o.text
}

// unknownName is the error of a name that has no meaning where it stands.
type unknownName string

func (n unknownName) Error() string { return "unknown name " + repr(string(n)) }

// badFormat is the error of a template that is not well-formed; the text says
// why.
type badFormat string

func (b badFormat) Error() string { return string(b) }

// conversions are the letters that may end a directive.
const conversions = "sracdiuxXoeEfFgG"

// maxExpansion bounds the result of one template.
const maxExpansion = 1 << 20

// directive is one %(name)... of a template.
type directive struct {
	text      string // as written
	name      string
	named     bool
	flags     string
	width     int
	precision int // -1: none
	conv      rune
	at        int // where conv stands
}

// formatTemplate replaces every directive of s by what resolve gives for it.
func formatTemplate(s string, resolve func(directive) (operand, error)) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var room [256]byte // so that the result alone is on the heap
	out := room[:0]
	for i := 0; i < len(s); {
		next := strings.IndexByte(s[i:], '%')
		if next < 0 {
			out = append(out, s[i:]...)
			break
		}
		out = append(out, s[i:i+next]...)
		i += next
		if strings.HasPrefix(s[i:], "%%") {
			out = append(out, '%')
			i += 2
			continue
		}
		// A name without meaning counts before whatever is wrong after it.
		d, n, err := parseDirective(s, i)
		var arg operand
		if d.named {
			var unknown error
			if arg, unknown = resolve(d); unknown != nil {
				return "", unknown
			}
		}
		if err != nil {
			return "", err
		}
		i += n
		if !strings.ContainsRune(conversions, d.conv) {
			shown := d.conv
			if shown < 0x1f || shown > 0x7e {
				shown = '?'
			}
			return "", badFormat(fmt.Sprintf("unsupported format character '%c' (0x%x) at index %d", shown, d.conv, utf8.RuneCountInString(s[:d.at])))
		}
		if !d.named {
			// The original would insert everything it knows, the whole
			// environment included, into the value.
			return "", badFormat(fmt.Sprintf("%%%c at index %d has no (name)", d.conv, utf8.RuneCountInString(s[:d.at])))
		}
		piece, err := d.format(arg)
		if err != nil {
			return "", err
		}
		if n == len(s) && len(piece) <= maxExpansion {
			return piece, nil // it is all that there is
		}
		out = append(out, piece...)
		if len(out) > maxExpansion {
			return "", badFormat(fmt.Sprintf(msgTooLong, maxExpansion))
		}
	}
	return string(out), nil
}

// parseDirective reads the directive that begins with the % at s[start] and gives
// its length.
func parseDirective(s string, start int) (directive, int, error) {
	d := directive{precision: -1}
	i := start + 1
	if i < len(s) && s[i] == '(' {
		end := closingParenthesis(s, i)
		if end < 0 {
			return d, 0, badFormat("incomplete format key")
		}
		d.named, d.name = true, s[i+1:end]
		i = end + 1
	}
	begin := i
	for i < len(s) && strings.IndexByte("#0- +", s[i]) >= 0 {
		i++
	}
	d.flags = s[begin:i]
	var err error
	if d.width, i, err = parseCount(s, i, "width"); err != nil {
		return d, 0, err
	}
	if i < len(s) && s[i] == '.' {
		if d.precision, i, err = parseCount(s, i+1, "precision"); err != nil {
			return d, 0, err
		}
	}
	if i < len(s) && strings.IndexByte("hlL", s[i]) >= 0 {
		i++
	}
	if i == len(s) {
		return d, 0, badFormat("incomplete format")
	}
	conv, n := utf8.DecodeRuneInString(s[i:])
	d.conv, d.at = conv, i
	d.text = s[start : i+n]
	return d, i + n - start, nil
}

// closingParenthesis finds the one that belongs to s[open]; names may hold pairs
// of their own.
func closingParenthesis(s string, open int) int {
	depth := 0
	for i := open; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// parseCount reads a width or precision; none is 0.
func parseCount(s string, i int, what string) (int, int, error) {
	if i < len(s) && s[i] == '*' {
		return 0, i, badFormat("* wants int")
	}
	n := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if n = n*10 + int(s[i]-'0'); n > maxExpansion {
			return 0, i, badFormat(what + " too big")
		}
	}
	return n, i, nil
}

func (d directive) has(flag byte) bool { return strings.IndexByte(d.flags, flag) >= 0 }

// format writes one operand.
func (d directive) format(arg operand) (string, error) {
	switch d.conv {
	case 's':
		return d.pad("", d.cut(arg.String())), nil
	case 'r', 'a':
		s := arg.String()
		if !arg.isNum && d.conv == 'r' {
			s = repr(s)
		} else if !arg.isNum {
			s = asciiRepr(s)
		}
		return d.pad("", d.cut(s)), nil
	case 'c':
		return d.formatChar(arg)
	case 'd', 'i', 'u':
		if !arg.isNum {
			return "", badFormat(fmt.Sprintf("%%%c format: a real number is required, not str", d.conv))
		}
		return d.formatInt(arg.number, 10, ""), nil
	case 'x', 'X', 'o':
		if !arg.isNum {
			return "", badFormat(fmt.Sprintf("%%%c format: an integer is required, not str", d.conv))
		}
		base := 16
		if d.conv == 'o' {
			base = 8
		}
		return d.formatInt(arg.number, base, "0"+string(d.conv)), nil
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if !arg.isNum {
			return "", badFormat("must be real number, not str")
		}
		return d.formatFloat(float64(arg.number)), nil
	}
	panic("bug: conversion without a case: " + string(d.conv))
}

// cut keeps as many characters as the precision says.
func (d directive) cut(s string) string {
	if d.precision < 0 {
		return s
	}
	n := 0
	for i := range s {
		if n == d.precision {
			return s[:i]
		}
		n++
	}
	return s
}

func (d directive) formatChar(arg operand) (string, error) {
	s := arg.text
	if arg.isNum {
		if arg.number < 0 || arg.number > utf8.MaxRune {
			return "", badFormat("%c arg not in range(0x110000)")
		}
		s = string(rune(arg.number))
	} else if utf8.RuneCountInString(s) != 1 {
		return "", badFormat("%c requires int or char")
	}
	return d.pad("", s), nil
}

// formatInt writes a number; the precision is the least number of digits.
func (d directive) formatInt(n, base int, prefix string) string {
	digits := strings.TrimPrefix(strconv.FormatInt(int64(n), base), "-")
	if len(digits) < d.precision {
		digits = strings.Repeat("0", d.precision-len(digits)) + digits
	}
	if d.conv == 'X' {
		digits = strings.ToUpper(digits)
	}
	sign := d.sign(n < 0)
	if d.has('#') {
		sign += prefix
	}
	return d.pad(sign, digits)
}

func (d directive) formatFloat(f float64) string {
	verb := "%" + string(d.conv)
	precision := d.precision
	if precision < 0 {
		precision = 6
	}
	if d.has('#') {
		verb = "%#." + strconv.Itoa(precision) + string(d.conv)
	} else {
		verb = "%." + strconv.Itoa(precision) + verb[1:]
	}
	return d.pad(d.sign(f < 0), fmt.Sprintf(verb, math.Abs(f)))
}

func (d directive) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case d.has('+'):
		return "+"
	case d.has(' '):
		return " "
	}
	return ""
}

// pad brings sign and body to the width. Zeros go between them, and only before
// a number.
func (d directive) pad(sign, body string) string {
	missing := d.width - len(sign) - utf8.RuneCountInString(body)
	switch {
	case missing <= 0:
		return sign + body
	case d.has('-'):
		return sign + body + strings.Repeat(" ", missing)
	case d.has('0') && !strings.ContainsRune("srac", d.conv):
		return sign + strings.Repeat("0", missing) + body
	}
	return strings.Repeat(" ", missing) + sign + body
}
