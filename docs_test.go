package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// widestLine is how many bytes a line of a document may have. Tables, and what
// stands between fences as a program printed it, may be wider.
const widestLine = 140

func TestDocumentsAreNarrow(t *testing.T) {
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || strings.HasPrefix(string(text), "<!-- Generated") {
			return err
		}
		for _, line := range wideLines(string(text)) {
			t.Errorf("%s:%d is wider than %d", name, line, widestLine)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wideLines returns the numbers of lines that are too wide.
func wideLines(text string) (numbers []int) {
	fenced, n := false, 0
	for line := range strings.Lines(text) {
		n++
		if strings.HasPrefix(strings.TrimLeft(line, " "), "```") {
			fenced = !fenced
		}
		if !fenced && !strings.HasPrefix(line, "|") && len(strings.TrimSuffix(line, "\n")) > widestLine {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func TestWideLinesAreFound(t *testing.T) {
	wide := strings.Repeat("x", widestLine+1) + "\n"
	for name, row := range map[string]struct {
		text string
		want int // of lines
	}{
		"one that is not":       {wide[1:], 0},
		"one":                   {"a\n" + wide, 1},
		"a table":               {"|" + wide, 0},
		"between fences":        {"```\n" + wide + "```\n", 0},
		"behind them":           {"```\n```\n" + wide, 1},
		"between those of list": {"  ```\n" + wide + "  ```\n" + wide, 1},
	} {
		if got := wideLines(row.text); len(got) != row.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
