package ctl

import (
	"fmt"
	"os"
	"slices"
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
	for _, p := range problemNames {
		if row := fmt.Sprintf("| %d | %s |", p.code, p.name); !strings.Contains(results, row) {
			t.Errorf("docs/ctl.md does not have the row %q", row)
		}
	}
	for _, code := range []int{exitGeneric, exitUsage, exitStopped, exitRefused, exitVersion, exitNotRunning, exitTimeout} {
		if !strings.Contains(codes, fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("docs/ctl.md does not have the exit code %d", code)
		}
	}
}

func TestTheDocumentHasWhatEachVerbGivesWithoutAServer(t *testing.T) {
	text, err := os.ReadFile("../docs/ctl.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nWhere no server answers")
	ones, _, found := strings.Cut(rest, "\n")
	if !found {
		t.Fatal("docs/ctl.md does not say which verbs give 1 where no server answers")
	}
	missing := "unix://" + t.TempDir() + "/none"
	words := map[string]string{"start": "a", "stop": "a", "restart": "a", "signal": "HUP a", "clear": "a", "tail": "a", "add": "a", "remove": "a", "fg": "a", "why": "a", "wait": "a"}
	for _, v := range shown() {
		want := map[string]int{missing: exitNoFile, "http://127.0.0.1:1": exitRefused}
		switch {
		case slices.Contains([]string{"completion", "exit", "help", "open", "quit"}, v.name):
			continue // they ask no server, or another one
		case v.name == "status":
			want[missing] = exitStatus
		case strings.Contains(ones, "`"+v.name+"`"):
			want = map[string]int{missing: exitGeneric, "http://127.0.0.1:1": exitGeneric}
		}
		for url, code := range want {
			if got := supervisorctl(t, "", "-c", newFake(t, nil).config, "-s", url, strings.TrimSpace(v.name+" "+words[v.name])); got.exit != code {
				t.Errorf("%s at %s: exit %d, docs/ctl.md has %d", v.name, url, got.exit, code)
			}
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
