package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEveryDamageToALogIsFound(t *testing.T) {
	const width, n = 20, 40
	line := func(i int) string { return fmt.Sprintf("%012d.......\n", i) }
	var whole []string
	for i := range n {
		whole = append(whole, line(i))
	}
	join := func(parts ...[]string) string {
		var all []string
		for _, p := range parts {
			all = append(all, p...)
		}
		return strings.Join(all, "")
	}
	for _, c := range []struct {
		name string
		text string
		bad  bool
	}{
		{"whole", join(whole), false},
		{"a line lost", join(whole[:7], whole[8:]), true},
		{"the last line lost", join(whole[:n-1]), true},
		{"a line doubled", join(whole[:7], whole[6:]), true},
		{"the last line doubled", join(whole, whole[n-1:]), true},
		{"two lines exchanged", join(whole[:5], whole[6:7], whole[5:6], whole[7:]), true},
		{"a byte changed", strings.Replace(join(whole), "5...", "5.,.", 1), true},
		{"a byte lost", join(whole)[1:], true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			// In three pieces, as a rotated log is: .10 is older than .2.
			log, cut := filepath.Join(dir, "log"), len(c.text)/3
			for name, part := range map[string]string{log + ".10": c.text[:cut], log + ".2": c.text[cut : 2*cut], log: c.text[2*cut:]} {
				if err := os.WriteFile(name, []byte(part), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := check(log, n*width, width); (err != nil) != c.bad {
				t.Errorf("check: %v", err)
			}
		})
	}
}

func TestVerdictsAndRatios(t *testing.T) {
	for _, c := range []struct {
		more         bool
		reach        reach
		ours, theirs float64
		want         string
	}{
		{false, reach{1.5, s6}, 3, 2, "at most 1.50 x s6: yes"},
		{false, reach{1.5, s6}, 3.1, 2, "at most 1.50 x s6: **no**"},
		{true, reach{1.5, s6}, 3.1, 2, "at least 1.50 x s6: yes"},
		{true, reach{1.5, s6}, 2.9, 2, "at least 1.50 x s6: **no**"},
		{false, reach{4, ""}, 4, 9, "at most 4.00: yes"},
		{false, reach{4, ""}, 5, 9, "at most 4.00: **no**"},
		{false, reach{4, tini}, 5, 9, "at most 4.00 x tini: not measured"},
	} {
		r := &row{rowSpec: &rowSpec{more: c.more, reaches: []reach{c.reach}}}
		for _, v := range []float64{c.ours, 0, 1000} {
			r.add(ours, v)
		}
		r.add(s6, c.theirs)
		if got := r.verdict(); got != c.want {
			t.Errorf("%v against %v: %q, want %q", c.ours, c.theirs, got, c.want)
		}
		if got, want := r.ratio(s6), figure(c.ours/c.theirs); got != want {
			t.Errorf("ratio %s, want %s", got, want)
		}
	}
}

func TestOtherFiguresHaveVerdictsToo(t *testing.T) {
	r := &row{rowSpec: &rowSpec{more: true, reaches: []reach{{2, s6}}}, others: []otherReach{
		{"a", false, reach{0.5, s6}}, {"a", true, reach{0.5, s6}}, {"b", true, reach{3, ""}}, {"c", true, reach{3, ""}},
	}}
	r.add(ours, 9)
	r.add(s6, 4)
	r.also("a", ours, 1)
	r.also("a", s6, 2)
	r.also("b", ours, 2)
	want := "at least 2.00 x s6: yes; a at most 0.500 x s6: yes; a at least 0.500 x s6: yes; b at least 3.00: **no**; c at least 3.00: not measured"
	if got := r.verdict(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, others := range otherReaches {
		if !slices.ContainsFunc(rows, func(r *rowSpec) bool { return r.name == name }) {
			t.Errorf("there is no row %s, of which %v is to be", name, others)
		}
	}
}

func TestRowsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows {
		if r.name == "" || r.title == "" || r.unit == "" || seen[r.name] {
			t.Errorf("row %q: no name, title or unit, or one that was there before", r.name)
		}
		seen[r.name] = true
	}
}

func TestATextIsWrapped(t *testing.T) {
	text := strings.Repeat("word ", 60)
	got := wrap("* "+text, "  ")
	for _, line := range strings.Split(got, "\n") {
		if len(line) > 130 || strings.TrimSpace(line) == "" {
			t.Errorf("a line of %d: %q", len(line), line)
		}
	}
	if strings.Join(strings.Fields(got), " ") != "* "+strings.TrimSpace(text) {
		t.Errorf("words are not the same: %q", got)
	}
}

func TestThePictureHasEveryPoint(t *testing.T) {
	g := &growth{}
	for i, who := range []string{ours, s6, limit} {
		for _, n := range []int{1, 100, 10000} {
			g.add(panelStart, who, n, []float64{float64(n*(i+1)) / 10, 0, 1e9})
		}
	}
	g.add(panelStatus, ours, 1, nil) // s6 has no command for all
	svg := string(g.picture())
	dec := xml.NewDecoder(strings.NewReader(svg))
	marks := 0
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("it is no XML: %v\n%s", err, svg)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "circle" {
			marks++
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("a point at %s", a.Value)
				}
			}
		}
	}
	if marks != 9 {
		t.Errorf("%d points, want 9", marks)
	}
	for _, want := range []string{">10 000<", ">ours<", ">limit<", "ours, 100 programs: 10.0<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in\n%s", want, svg)
		}
	}
	if strings.Contains(svg, panelStatus) {
		t.Error("there is a panel without a curve")
	}
}

func TestAScaleHoldsAllItsValues(t *testing.T) {
	for _, c := range []struct {
		values    []float64
		low, high int
	}{
		{[]float64{5}, 0, 1},
		{[]float64{10}, 1, 2},
		{[]float64{0.02, 300}, -2, 3},
		{[]float64{1, 10000}, 0, 4},
	} {
		s := spanning(c.values, 100, 200)
		if s.low != c.low || s.high != c.high {
			t.Errorf("%v: decades %d to %d, want %d to %d", c.values, s.low, s.high, c.low, c.high)
		}
		for _, v := range c.values {
			if at := s.at(v); at < 100 || at > 200 {
				t.Errorf("%v lies at %v", v, at)
			}
		}
	}
}

func TestStolenTimeIsAShareOfWhatWasWanted(t *testing.T) {
	for _, tt := range []struct {
		from, to cpuTime
		want     string
	}{
		{cpuTime{100, 10}, cpuTime{100, 10}, "0 % stolen by the host"},
		{cpuTime{100, 10}, cpuTime{175, 35}, "25 % stolen by the host"},
	} {
		if got := tt.to.since(tt.from).String(); got != tt.want {
			t.Errorf("from %v to %v: %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
	before := readCPU()
	if before.used == 0 || readCPU().since(before).used < 0 {
		t.Errorf("the machine has used %v", before)
	}
}
