package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// API is the release of Supervisor that we stand in for. supervisord -v, the
// version verb and getSupervisorVersion answer exactly this: scripts and
// clients compare it, number by number.
const API = "4.3.0"

// Name and Release are our own.
const (
	Name    = "gosupervisor"
	Release = "0.1.0"
)

// commit is set by the build (-ldflags "-X gosupervisor/version.commit=...").
// Without it the revision that the go command recorded is used.
var commit string

// Line is what --version prints under every name, without the line end. It
// begins with the release that scripts compare; who we are comes behind it.
func Line() string {
	return fmt.Sprintf("%s (%s %s, commit %s, %s)", API, Name, Release, Commit(), runtime.Version())
}

// Commit is the revision that the program was built from, shortened, with
// "+changes" behind it when the tree differed; "unknown" when the build knew none.
func Commit() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return revision(info.Settings)
}

// revision finds the commit among what the go command recorded.
func revision(settings []debug.BuildSetting) string {
	found, changed := "unknown", ""
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			found = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	if found == "unknown" {
		return found
	}
	return found + changed
}
