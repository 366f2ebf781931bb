package conf

import (
	"strings"
	"unicode/utf8"
)

// SplitCommand splits command= into its words. Quotes and backslashes work as in
// a POSIX shell; variables, patterns and comments do not exist.
func SplitCommand(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\r', '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case '\'', '"':
			inWord = true
			end, err := quoted(s, i, &word)
			if err != nil {
				return nil, err
			}
			i = end
		case '\\':
			inWord = true
			if i++; i == len(s) {
				return nil, text(msgNoEscaped)
			}
			word.WriteByte(s[i])
		default:
			inWord = true
			word.WriteByte(c)
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// quoted reads the quoted text that begins at s[start] into word and returns the
// index of the closing quote. Between double quotes a backslash escapes a double
// quote and a backslash and is itself before anything else.
func quoted(s string, start int, word *strings.Builder) (int, error) {
	quote := s[start]
	for i := start + 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i, nil
		case s[i] == '\\' && quote == '"':
			if i++; i == len(s) {
				return 0, text(msgNoEscaped)
			}
			if s[i] != '"' && s[i] != '\\' {
				word.WriteByte('\\')
			}
			word.WriteByte(s[i])
		default:
			word.WriteByte(s[i])
		}
	}
	return 0, text(msgNoQuote)
}

// ParseEnvironment reads the KEY=VALUE,... of environment=. Two grammars exist:
// every release up to 4.3.0 reads quotes in a simple way that strips them from
// both ends of a value, and its successor reads them as a shell does. The first
// decides wherever it can read the value, so that no configuration changes its
// meaning; what only the second can read, is read by that.
//
// doubt says what a reader may not expect of the result; it is "" nearly always.
func ParseEnvironment(s string) (env map[string]string, doubt string, err error) {
	var room [16]string
	tokens, err := lexOld(s, room[:0])
	if err == nil {
		if env, doubt, err = pairs(tokens, s, true); err == nil {
			return env, doubt, nil
		}
	}
	tokens, newErr := lexPosix(s)
	if newErr != nil {
		return nil, "", err
	}
	env, doubt, newErr = pairs(tokens, s, false)
	if newErr != nil {
		return nil, "", err
	}
	return env, doubt, nil
}

// pairs reads tokens in fours: key, "=", value, separator. The separator is
// whatever stands there.
func pairs(tokens []string, whole string, strip bool) (map[string]string, string, error) {
	env := make(map[string]string)
	doubt := ""
	for i := 0; i < len(tokens); i += 4 {
		if i+2 >= len(tokens) || tokens[i+1] != "=" {
			return nil, "", textf(msgPairs, whole)
		}
		value := tokens[i+2]
		if strip {
			value = strings.Trim(value, `'"`)
		}
		env[tokens[i]] = value
		if i+3 < len(tokens) && doubt == "" && tokens[i+3] != "," && tokens[i+3] != ";" {
			doubt = "the value of " + tokens[i] + " ends before " + repr(tokens[i+3]) + ", which is dropped; put it in quotes"
		}
	}
	return env, doubt, nil
}

// lexOld cuts s into the tokens of the older grammar: a backslash is a character
// like any other, a quote that begins a token ends it too, and one inside a word
// is part of the word. Tokens keep their quotes. They are added to the given ones.
func lexOld(s string, tokens []string) ([]string, error) {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case isBlank(c):
			i++
		case c == '#':
			i = skipLine(s, i)
		case c == '\'' || c == '"':
			end := strings.IndexByte(s[i+1:], c)
			if end < 0 {
				return nil, text(msgNoQuote)
			}
			tokens = append(tokens, s[i:i+end+2])
			i += end + 2
		case isWord(rune(c), false):
			end := i
			for end < len(s) && (isWord(rune(s[end]), false) || s[end] == '\'' || s[end] == '"') {
				end++
			}
			if end == len(s) || s[end] != '#' {
				tokens = append(tokens, s[i:end])
				i = end
				break
			}
			var word strings.Builder
			// A comment does not end the word: the next line goes on with it.
			for i < len(s) && (isWord(rune(s[i]), false) || strings.IndexByte("'\"#", s[i]) >= 0) {
				if s[i] == '#' {
					i = skipLine(s, i)
					continue
				}
				word.WriteByte(s[i])
				i++
			}
			tokens = append(tokens, word.String())
		default:
			n := runeLen(s[i:])
			tokens = append(tokens, s[i:i+n])
			i += n
		}
	}
	return tokens, nil
}

// lexPosix cuts s into the tokens of the newer grammar, quotes and escapes
// already taken away.
func lexPosix(s string) ([]string, error) {
	var tokens []string
	var word strings.Builder
	inWord := false
	flush := func() {
		if inWord {
			tokens = append(tokens, word.String())
			word.Reset()
			inWord = false
		}
	}
	for i := 0; i < len(s); {
		c := s[i]
		n := runeLen(s[i:])
		switch {
		case isBlank(c):
			flush()
			i++
		case c == '#':
			flush()
			i = skipLine(s, i)
		case c == '\'' || c == '"':
			inWord = true
			end, err := quoted(s, i, &word)
			if err != nil {
				return nil, err
			}
			i = end + 1
		case c == '\\':
			inWord = true
			if i++; i == len(s) {
				return nil, text(msgNoEscaped)
			}
			n = runeLen(s[i:])
			word.WriteString(s[i : i+n])
			i += n
		case isWord([]rune(s[i : i+n])[0], true):
			inWord = true
			word.WriteString(s[i : i+n])
			i += n
		default:
			flush()
			tokens = append(tokens, s[i:i+n])
			i += n
		}
	}
	flush()
	return tokens, nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// isWord says whether r needs no quotes. The newer grammar adds the letters of
// Latin-1.
func isWord(r rune, latin bool) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	case r < 0x80:
		return strings.IndexByte("_/.+-():", byte(r)) >= 0
	}
	return latin && r >= 0xdf && r <= 0xff && r != 0xf7 || latin && r >= 0xc0 && r <= 0xde && r != 0xd7
}

// skipLine returns the index after the end of the line that i is in.
func skipLine(s string, i int) int {
	if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(s)
}

func runeLen(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}
