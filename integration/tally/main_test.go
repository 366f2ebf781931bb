package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	const pkgPass = `{"Action":"pass","Package":"p","Elapsed":0.5}`
	tests := []struct {
		name  string
		lines []string
		want  counts
		shown []string // what the output contains
	}{
		{"tests and subtests count", []string{
			`{"Action":"start","Package":"p"}`,
			`{"Action":"run","Package":"p","Test":"A"}`,
			`{"Action":"output","Package":"p","Test":"A","Output":"quiet\n"}`,
			`{"Action":"pass","Package":"p","Test":"A/one"}`,
			`{"Action":"pass","Package":"p","Test":"A"}`, pkgPass,
		}, counts{2, 0, 0}, []string{"ok   p (2 tests, 0.5s)"}},
		{"a failed test shows its words", []string{
			`{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:1: wrong\n"}`,
			`{"Action":"fail","Package":"p","Test":"A"}`,
			`{"Action":"fail","Package":"p","Elapsed":1}`,
		}, counts{0, 1, 0}, []string{"FAIL p A\n    a_test.go:1: wrong\n", "FAIL p (1 tests"}},
		{"a skipped test shows why", []string{
			`{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:1: no docker\n"}`,
			`{"Action":"skip","Package":"p","Test":"A"}`, pkgPass,
		}, counts{0, 0, 1}, []string{"SKIP p A\n    a_test.go:1: no docker\n"}},
		{"a package that does not build is one failure", []string{
			`{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/x.go:1: syntax error\n"}`,
			`{"ImportPath":"p [p.test]","Action":"build-fail"}`,
			`{"Action":"start","Package":"p"}`,
			`{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}`,
			`{"Action":"fail","Package":"p","Elapsed":0}`,
		}, counts{0, 1, 0}, []string{"p/x.go:1: syntax error\n", "FAIL\tp [build failed]\n", "FAIL p (0 tests"}},
		{"a crash that takes its test along is one failure", []string{
			`{"Action":"run","Package":"p","Test":"A"}`,
			`{"Action":"output","Package":"p","Output":"panic: no\n"}`,
			`{"Action":"fail","Package":"p","Elapsed":0}`,
		}, counts{0, 1, 0}, []string{"panic: no\n"}},
		{"a package that never ends is one failure", []string{
			`{"Action":"start","Package":"p"}`,
			`{"Action":"pass","Package":"p","Test":"A"}`,
		}, counts{1, 1, 0}, []string{"FAIL p (did not end)"}},
		{"a package without tests is silent", []string{
			`{"Action":"start","Package":"p"}`,
			`{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}`,
			`{"Action":"skip","Package":"p","Elapsed":0}`,
		}, counts{}, nil},
		{"other lines pass through", []string{"go: downloading x", `{"json":"of somebody else"}`}, counts{}, []string{"go: downloading x\n", "somebody else"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			got, err := read(strings.NewReader(strings.Join(tt.lines, "\n")), &out)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
			for _, want := range tt.shown {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in %q", want, out.String())
				}
			}
			if tt.shown == nil && out.Len() > 0 {
				t.Errorf("output %q, want none", out.String())
			}
		})
	}
}

func TestGood(t *testing.T) {
	tests := []struct {
		name   string
		counts counts
		strict bool
		good   bool
	}{
		{"all passed", counts{3, 0, 0}, true, true},
		{"one failed", counts{3, 1, 0}, false, false},
		{"one skipped where that may be", counts{3, 0, 1}, false, true},
		{"one skipped where it may not", counts{3, 0, 1}, true, false},
		{"nothing at all", counts{}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.counts.good(tt.strict); got != tt.good {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestAddUp(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "a 3 0 1\n", "b": "b 4 2 0\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := addUp(dir)
	if want := (counts{7, 2, 1}); err != nil || got != want || got.String() != "7 passed, 2 failed, 1 skipped" {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "c"), []byte("c many\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := addUp(dir); err == nil {
		t.Errorf("a broken file gave %v", got)
	}
}

func TestCountsHideASkipThatIsNone(t *testing.T) {
	if got := (counts{2, 0, 0}).String(); got != "2 passed, 0 failed" {
		t.Errorf("got %q", got)
	}
}
