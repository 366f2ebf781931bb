package version

import (
	"regexp"
	"runtime/debug"
	"testing"
)

func TestLineBeginsWithTheReleaseAndNamesCommitAndGo(t *testing.T) {
	want := regexp.MustCompile(`^4\.3\.0 \(gosupervisor \d+\.\d+\.\d+, commit \S+, go1\.\d+.*\)$`)
	if got := Line(); !want.MatchString(got) {
		t.Errorf("Line = %q, want a match of %s", got, want)
	}
}

func TestCommit(t *testing.T) {
	long := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	changed := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	tests := []struct {
		name     string
		settings []debug.BuildSetting
		want     string
	}{
		{"a build outside any repository knows none", nil, "unknown"},
		{"a clean tree gives the short revision", []debug.BuildSetting{long}, "0123456789ab"},
		{"a changed tree says so", []debug.BuildSetting{long, changed}, "0123456789ab+changes"},
		{"changes to nothing known are not worth a word", []debug.BuildSetting{changed}, "unknown"},
		{"a short revision stays whole", []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}, "abc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := revision(tt.settings); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheLinkersCommitWins(t *testing.T) {
	old := commit
	t.Cleanup(func() { commit = old })
	commit = "feedbeef"
	if got := Commit(); got != "feedbeef" {
		t.Errorf("got %q, want feedbeef", got)
	}
}
