package ctl

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestTheDocumentHasEveryVerbFlagAndCode(t *testing.T) {
	text, err := os.ReadFile("../docs/ctl.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## JSON\n")
	results, codes, _ := strings.Cut(rest, "\n## Exit codes\n")
	for _, v := range shown() {
		if !inFirstColumn(results, "`"+v.name+"`") && !inFirstColumn(results, "`"+v.name+" ") {
			t.Errorf("docs/ctl.md does not say what the result of %s is", v.name)
		}
		if !inFirstColumn(codes, "`"+v.name+"`") {
			t.Errorf("docs/ctl.md does not have the exit codes of %s", v.name)
		}
		for _, f := range v.flags() {
			if !strings.Contains(string(text), "--"+f.name) {
				t.Errorf("docs/ctl.md does not have --%s", f.name)
			}
		}
	}
	for code, name := range problemNames {
		if row := fmt.Sprintf("| %d | %s |", code, name); !strings.Contains(results, row) {
			t.Errorf("docs/ctl.md does not have the row %q", row)
		}
	}
	for _, code := range []int{exitGeneric, exitUsage, exitStopped, exitRefused, exitVersion, exitNotRunning, exitTimeout} {
		if !strings.Contains(codes, fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("docs/ctl.md does not have the exit code %d", code)
		}
	}
}

// inFirstColumn tells whether a row of a table has text in its first cell.
func inFirstColumn(page, text string) bool {
	for line := range strings.Lines(page) {
		if first, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |"); ok && strings.HasPrefix(line, "| ") && strings.Contains(first, text) {
			return true
		}
	}
	return false
}
