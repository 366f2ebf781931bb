package conf

import (
	"strings"
	"testing"
)

func TestExpansion(t *testing.T) {
	here := "/inc"
	n := (&names{own: texts("ENV_HOME", "/root", "ENV_P", "50%", "p", "outer")}).
		with(texts("p", "prog", "é", "x", "(a)", "paren")).
		with([]named{counted("n", 10), counted("m", -7)})
	unknown := func(value, name string) string {
		return "! Format string " + value + " for 's.k' contains names (" + name + ") which cannot be expanded. Available names: (a), ENV_HOME, ENV_P, m, n, p, é"
	}
	bad := func(value, reason string) string {
		return "! Format string '" + value + "' for 's.k' is badly formatted: " + reason
	}
	for _, tt := range []struct{ name, value, want string }{
		{"plain text stays", "a b $c", "a b $c"},
		{"a name", "%(p)s-%(ENV_HOME)s", "prog-/root"},
		{"the nearer name hides the farther", "%(p)s", "prog"},
		{"a value with a percent sign goes in as it is", "%(ENV_P)s", "50%"},
		{"a doubled percent sign is one", "100%% %%(p)s %%%%", "100% %(p)s %%"},
		{"width", "[%(p)6s|%(p)-6s|%(p)2s]", "[  prog|prog  |prog]"},
		{"precision cuts characters", "%(p).2s%(é).9s", "prx"},
		{"zeros do not pad text", "%(p)06s", "  prog"},
		{"numbers", "%(n)d %(n)i %(n)u %(n)04d %(n)-4d| %(n)+d %(n) d %(m)05d %(m).3d", "10 10 10 0010 10  | +10  10 -0007 -007"},
		{"other bases", "%(n)x %(n)X %(n)#x %(n)o %(n)#o %(m)x", "a A 0xa 12 0o12 -7"},
		{"fractions", "%(n)f %(n).1f %(n)e %(n)g %(m)G", "10.000000 10.0 1.000000e+01 10 -7"},
		{"a number as text", "%(n)s %(n)5s %(n)r", "10    10 10"},
		{"quoted", "%(p)r %(é)a", "'prog' 'x'"},
		{"a character", "%(é)c %(n)c", "x \n"},
		{"length letters mean nothing", "%(n)ld %(n)hd", "10 10"},
		{"parentheses in a name balance", "%((a))s", "paren"},
		{"here is the included file's", "%(here)s/x", "/inc/x"},
		{"an unknown name", "%(nope)s", unknown("'%(nope)s'", "'nope'")},
		{"another form of here is another name", "%(here)9s", unknown("'%(here)9s'", "'here'")},
		{"the messages quote as Python does", "it's %(nope)s", unknown(`"it's %(nope)s"`, "'nope'")},
		{"an open end", "100%", bad("100%", "incomplete format")},
		{"an open name", "%(p", bad("%(p", "incomplete format key")},
		{"no conversion", "%(p)5", bad("%(p)5", "incomplete format")},
		{"a percent sign that is not doubled", "%(p)%", bad("%(p)%", "unsupported format character '%' (0x25) at index 4")},
		{"an unknown name counts before what follows it", "%(nope)5", unknown("'%(nope)5'", "'nope'")},
		{"no such conversion", "x %(p)H", bad("x %(p)H", "unsupported format character 'H' (0x48) at index 6")},
		{"no name", "date +%s", bad("date +%s", "%s at index 7 has no (name)")},
		{"no name and no such conversion", "date +%Y", bad("date +%Y", "unsupported format character 'Y' (0x59) at index 7")},
		{"text as number", "%(p)d", bad("%(p)d", "%d format: a real number is required, not str")},
		{"text as hexadecimal", "%(p)x", bad("%(p)x", "%x format: an integer is required, not str")},
		{"text as fraction", "%(p)f", bad("%(p)f", "must be real number, not str")},
		{"text as character", "%(p)c", bad("%(p)c", "%c requires int or char")},
		{"a number that is no character", "%(m)c", bad("%(m)c", "%c arg not in range(0x110000)")},
		{"a width from elsewhere", "%(p)*s", bad("%(p)*s", "* wants int")},
		{"a width beyond all bounds", "%(p)99999999999999999999s", bad("%(p)99999999999999999999s", "width too big")},
		{"a precision beyond all bounds", "%(n).99999999d", bad("%(n).99999999d", "precision too big")},
		{"a result beyond all bounds", strings.Repeat("%(p)1000000s", 2), bad(strings.Repeat("%(p)1000000s", 2), "the result is longer than 1048576 characters")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := expansion{value: tt.value, where: "s.k", names: n}
			if strings.HasPrefix(tt.name, "here is") {
				x.here = &here
			}
			got := outcome(x.run())
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestExpansionHints(t *testing.T) {
	n := &names{own: texts("program_name", "p", "ENV_HOME", "/", "ENV_LANGUAGE", "C")}
	for value, want := range map[string]string{
		"%(programname)s": "did you mean %(program_name)s?",
		"%(ENV_NOPE)s":    "the environment variable NOPE is not set",
		"%(ENV_HOE)s":     "did you mean %(ENV_HOME)s?",
		"%(ENV_LANGAGE)s": "did you mean %(ENV_LANGUAGE)s?",
		"%(process_num)d": "the name exists, but not for this key",
		"%(zz)s":          "",
		"50%":             "write %% for a percent sign",
	} {
		_, err := expansion{value: value, where: "s.k", names: n}.run()
		if got := hintOf(err); got != want {
			t.Errorf("%s: got hint %q, want %q", value, got, want)
		}
	}
	if got := hintOf(text("other")); got != "" {
		t.Errorf("an error without a hint has %q", got)
	}
}

func TestIncludedHereInMessages(t *testing.T) {
	here := "/inc"
	_, err := expansion{value: "%(here)s/%(x)s", where: "s.k", names: nil, here: &here}.run()
	if want := "Format string '/inc/%(x)s' for 's.k' contains names ('x') which cannot be expanded. Available names: "; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
