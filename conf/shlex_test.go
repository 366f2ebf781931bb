package conf

import (
	"fmt"
	"testing"
)

func TestSplitCommand(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"words", "a  b\tc\nd\re", `["a" "b" "c" "d" "e"]`},
		{"nothing", " \n ", `[]`},
		{"single quotes keep everything", `'a "b\' c`, `["a \"b\\" "c"]`},
		{"double quotes know two escapes", `"a\"b\\c\d$"`, `["a\"b\\c\\d$"]`},
		{"pieces that touch are one word", `a"b c"'d'e`, `["ab cde"]`},
		{"empty quotes are a word", `a '' ""`, `["a" "" ""]`},
		{"a backslash keeps the next character", `a\ b \\ \"`, `["a b" "\\" "\""]`},
		{"no comments, variables or patterns", `a #b $c * ~`, `["a" "#b" "$c" "*" "~"]`},
		{"letters beyond ASCII", `é "ü x"`, `["é" "ü x"]`},
		{"an open quote", `a "b`, "! No closing quotation"},
		{"an open single quote", `a 'b`, "! No closing quotation"},
		{"a backslash at the end", `a\`, "! No escaped character"},
		{"a backslash at the end of an open quote", `"a\`, "! No escaped character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			words, err := SplitCommand(tt.in)
			if got := outcome(fmt.Sprintf("%q", words), err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestParseEnvironment(t *testing.T) {
	end := func(s string) string { return "! Unexpected end of key/value pairs in value '" + s + "'" }
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", "map[]"},
		{"pairs", "A=1,B=2", "map[A:1 B:2]"},
		{"over lines", "A=1,\n  B=2,\n", "map[A:1 B:2]"},
		{"a trailing comma", "A=1,", "map[A:1]"},
		{"an empty value in quotes", `A="",B=2`, "map[A: B:2]"},
		{"any separator", "A=1;B=2", "map[A:1 B:2]"},
		{"the last of a key", "A=1,A=2", "map[A:2]"},
		{"characters of paths and URLs", "A=/a.b+c-d(e):f,B-C=1,D.E=2,9=x", "map[9:x A:/a.b+c-d(e):f B-C:1 D.E:2]"},
		{"quotes", `A="a,b",B='c d',C="it's"`, "map[A:a,b B:c d C:it's]"},
		{"quotes strip from both ends", `A='"x"',B='say "hi"'`, `map[A:x B:say "hi]`},
		{"a quote ends the value", `A="a"b`, "map[A:a]"},
		{"a quote inside a word is part of it", `A=a'b c'`, "map[A:a'b]"},
		{"quotes inside words", `A=b"c,D=it's`, `map[A:b"c D:it's]`},
		{"a backslash in quotes", `A="a\b"`, `map[A:a\b]`},
		{"a comment", "A=a#b,C=d", "map[A:a]"},
		{"a comment does not end a word", "A=a#x\nb", "map[A:ab]"},
		{"a comment between", "A=1, #x\nB=2", "map[A:1 B:2]"},
		{"a lone backslash", `A=a,B=\`, `map[A:a B:\]`},
		{"a variable", "A=$HOME", "map[A:$]"},
		{"a letter beyond ASCII", "A=é", "map[A:é]"},
		{"more than ASCII in quotes", `A="é ü",B=x`, "map[A:é ü B:x]"},
		{"keys keep their quotes", `"A"=1`, `map["A":1]`},

		{"no value", "A=", end("A=")},
		{"no equals sign", "A", end("A")},
		{"a leading comma", ",A=1", end(",A=1")},
		{"a doubled comma", "A=1,,B=2", end("A=1,,B=2")},
		{"two pairs without separator", "A=1 B=2", end("A=1 B=2")},
		{"an open quote", `A="b`, "! No closing quotation"},

		// What the older grammar refuses and the newer one reads.
		{"an escaped quote", `A="a\"b",B=2`, `map[A:a"b B:2]`},
		{"an escaped comma", `A=a\,b`, "map[A:a,b]"},
		{"joined quotes", `A="a"b,C="d"e"f",G=h`, "map[A:ab C:def G:h]"},
		{"letters of Latin-1", `A=éa,B=2`, "map[A:éa B:2]"},
		{"a comma after joined quotes", `A=a'b c',B=2`, "map[A:ab c B:2]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env, _, err := ParseEnvironment(tt.in)
			if got := outcome(env, err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDroppedTextIsDoubtful(t *testing.T) {
	for in, want := range map[string]string{
		"A=1,B=2": "",
		"A=1;B=2": "",
		"A=1,":    "",
		"A=a b":   "the value of A ends before 'b', which is dropped; put it in quotes",
		"A=$HOME": "the value of A ends before 'HOME', which is dropped; put it in quotes",
		`A="a"b`:  "the value of A ends before 'b', which is dropped; put it in quotes",
	} {
		_, doubt, err := ParseEnvironment(in)
		if err != nil || doubt != want {
			t.Errorf("%s: got %q (%v), want %q", in, doubt, err, want)
		}
	}
}
