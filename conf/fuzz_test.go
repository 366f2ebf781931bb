package conf

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzLoad feeds whole files: whatever comes, it is read or refused with a
// LoadError, and reading it again gives the same.
func FuzzLoad(f *testing.F) {
	f.Add("[supervisord]\n[program:p]\ncommand=x\nnumprocs=2\nprocess_name=%(process_num)d\n")
	f.Add("[supervisord]\n[include]\nfiles=/c/*.conf /c/[!a]*\n[DEFAULT]\nuser=web\n")
	f.Add("[supervisord]\n[eventlistener:e]\ncommand=x\nevents=EVENT,\n[fcgi-program:f]\ncommand=x\nsocket=unix:///x\n[group:g]\nprograms=f,p\n")
	f.Add("\xef\xbb\xbf[supervisord]\r\nenvironment=A=\"b\",C='d'\r[unix_http_server:x]\nfile=~/x\nchown=web:adm\n")
	f.Add("[a\nk: v ;c\n  more #c\n\n[]\n=x\n")
	f.Add("[supervisord]\n[rpcinterface:x]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\n[inet_http_server]\nport=:1\n")
	f.Fuzz(func(t *testing.T, text string) {
		h := machine(map[string]string{"/c/s.conf": text})
		c, err := Load("/c/s.conf", h)
		again, errAgain := Load("/c/s.conf", h)
		if err != nil {
			var le *LoadError
			if !errors.As(err, &le) || len(le.Problems()) == 0 || le.First() == "" {
				t.Fatalf("not a useful LoadError: %#v", err)
			}
			if errAgain == nil || errAgain.Error() != err.Error() {
				t.Fatalf("first %v, then %v", err, errAgain)
			}
			return
		}
		if errAgain != nil {
			t.Fatalf("accepted, then refused: %v", errAgain)
		}
		if d := Compare(c.Groups, again.Groups); len(d.Added)+len(d.Changed)+len(d.Removed) > 0 {
			t.Fatalf("two readings differ: %v", d)
		}
		LoadCtl("/c/s.conf", h)
	})
}

// FuzzReader checks that a document holds exactly what the dialect's rules found, and the
// same after go-ini has merged it.
func FuzzReader(f *testing.F) {
	f.Add("[a]\nk=v\n w\n[b]\n\"k\"='v'\n`x`=\"\"\"y\n")
	f.Add("[a.b]\n-=1\n-=2\n[DEFAULT]\nk=%(x)s\\\nl=v\n")
	f.Add("[\u00a0]\nk\u2003=\x1c\n[a]\n#=;\n")
	f.Fuzz(func(t *testing.T, text string) {
		d := newDocument()
		e := d.add(&source{name: "f"}, []byte(text))
		// Who wants none of the sections finds the same mistakes.
		passing := newDocument()
		passing.wants = func(string) bool { return false }
		passed := passing.add(&source{name: "f"}, []byte(text))
		if e == nil && passed != nil || e != nil && !e.fatal && (passed == nil || !slices.Equal(passed.problems, e.problems)) {
			t.Errorf("got %v, and %v where nothing is wanted", e, passed)
		}
		if e != nil {
			return
		}
		if err := d.parse(); err != nil {
			t.Fatal(err)
		}
		want := map[[2]string]string{}
		var id [2]string
		scanLines(strings.TrimPrefix(text, "\ufeff"), func(ev lineEvent) bool {
			switch ev.kind {
			case lineHeader:
				id[0] = ev.name
			case lineOption:
				id[1] = ev.name
				want[id] = ev.value
			case lineMore:
				want[id] += "\n" + ev.value
			}
			return true
		})
		n := 0
		for id, v := range want {
			if got := d.value(id[0], id[1]); got != trimRight(v) {
				t.Errorf("%q is %q, want %q", id, got, trimRight(v))
			}
		}
		for _, s := range d.sections {
			n += s.size
		}
		if n != len(want) {
			t.Errorf("there are %d keys, want %d", n, len(want))
		}
		// Once more, so that all of it is merged: the same has to come of it.
		if e := d.add(&source{name: "again"}, []byte(text)); e != nil {
			return // too many keys
		}
		if err := d.parse(); err != nil {
			t.Fatal(err)
		}
		for id, v := range want {
			if got := d.value(id[0], id[1]); got != trimRight(v) || !d.sections[id[0]].merged {
				t.Errorf("read twice, %q is %q, want %q", id, got, trimRight(v))
			}
		}
	})
}

func FuzzExpansion(f *testing.F) {
	for _, s := range []string{"%(a)s", "%%", "%(n)05d", "%(n)#x", "%(a", "%(n)+.3e%", "%((a))10.2r", "%(n)c", "%s"} {
		f.Add(s)
	}
	n := (&names{own: texts("a", "text", "b", "50%")}).with([]named{counted("n", -3)})
	f.Fuzz(func(t *testing.T, s string) {
		out, err := expansion{value: s, where: "s.k", names: n}.run()
		if err == nil && !strings.Contains(s, "%") && out != s {
			t.Errorf("%q without directive became %q", s, out)
		}
		if len(out) > maxExpansion {
			t.Errorf("%d bytes came out", len(out))
		}
		if doubled, err := (expansion{value: strings.ReplaceAll(s, "%", "%%"), names: n}).run(); err != nil || doubled != s {
			t.Errorf("%q with doubled signs became %q (%v)", s, doubled, err)
		}
	})
}

func FuzzEnvironment(f *testing.F) {
	for _, s := range []string{`A=1,B="2"`, `A='x"y',B=\,`, "A=a#b\nC=d", `A="a\"b"`, `"K"=é`, "A="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		env, doubt, err := ParseEnvironment(s)
		if err != nil && (env != nil || doubt != "") {
			t.Errorf("an error came with %v", env)
		}
		// What has been read can be written so that it is read again.
		var b strings.Builder
		for _, k := range slices.Sorted(maps.Keys(env)) {
			v := env[k]
			if strings.ContainsFunc(k, func(r rune) bool { return !isWord(r, false) }) {
				return
			}
			if strings.ContainsAny(v, `"\`) || strings.HasPrefix(v, "'") || strings.HasSuffix(v, "'") || k == "" {
				return
			}
			b.WriteString(k + `="` + v + `",`)
		}
		if again, _, err := ParseEnvironment(b.String()); err == nil && !maps.Equal(again, env) && len(env) > 0 {
			t.Errorf("%q was read again as %v, want %v", b.String(), again, env)
		}
	})
}

func FuzzSplitCommand(f *testing.F) {
	for _, s := range []string{`a "b c" 'd' e\ f`, `"\"\\\x"`, `'`, `\`, "''"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, err := SplitCommand(s)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, w := range words {
			b.WriteString("'" + strings.ReplaceAll(w, "'", `'\''`) + "' ")
		}
		again, err := SplitCommand(b.String())
		if err != nil || !slices.Equal(words, again) {
			t.Errorf("%q quoted again is %q (%v)", words, again, err)
		}
	})
}

// FuzzDatatypes gives one text to every datatype; each answers or refuses.
func FuzzDatatypes(f *testing.F) {
	for _, s := range []string{"5", "10 MB", "0o22", "yes", "SIGTERM", "0, 2", "unexpected", "host:80", "web:adm", "~web/x", "warn", "unix:///x", "99999999999999999999", "٣"} {
		f.Add(s)
	}
	h := machine(nil).whole()
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseInt(s)
		if err == nil && strings.TrimFunc(s, isSpace) == "" {
			t.Errorf("%q is the number %d", s, n)
		}
		if size, err := ParseByteSize(s); err == nil && size < 0 && !strings.Contains(s, "-") {
			t.Errorf("%q is %d bytes", s, size)
		}
		if sig, err := ParseSignal(s); err == nil && (sig < 0 || sig > 64) {
			t.Errorf("%q is signal %d", s, sig)
		}
		if codes, err := parseExitCodes(s); err == nil && slices.ContainsFunc(codes, func(c int) bool { return c < 0 || c > 255 }) {
			t.Errorf("%q are the exit codes %v", s, codes)
		}
		if _, port, err := parseInet(s); err == nil && (port < 1 || port > 65535) {
			t.Errorf("%q is port %d", s, port)
		}
		if name, err := parseName(s); err == nil && strings.ContainsAny(name, " :/") {
			t.Errorf("%q is the name %q", s, name)
		}
		if a, err := lookupAccount(s, h); err == nil && (len(a.Groups) == 0 || a.Groups[0] != a.GID) {
			t.Errorf("%q is the account %+v", s, a)
		}
		if mask, err := parseMask(s); err == nil && (mask < 0 || mask > 0o777) {
			t.Errorf("%q is the mask %o", s, mask)
		}
		if q := repr(s); utf8.ValidString(s) && !utf8.ValidString(q) {
			t.Errorf("%q is quoted as %q", s, q)
		}
		ParseOctal(s)
		ParseBool(s)
		ParseLevel(s)
		parseAutorestart(s)
		parseOwner(s, h)
		parseLogTarget(s, h)
		existingDir(s, h)
		(&Socket{}).parseURL(s, h)
		matchName(s, s)
		Getopt(strings.Fields(s), "ab:", []string{"long", "with="})
	})
}
