package api

// Change says what becomes of a group or a process when an update applies the
// configuration as last read.
type Change string

// The values of Change.
const (
	Added     Change = "added"
	Removed   Change = "removed"
	Changed   Change = "changed"
	Unchanged Change = "unchanged"
)

// GroupChange is what an update of one group does, or has done.
type GroupChange struct {
	Name    string         `json:"name"`
	Change  Change         `json:"change"`
	Whole   bool           `json:"whole"` // every process is stopped, not only those that differ
	Keys    []KeyChange    `json:"keys"`  // of the group itself
	Members []MemberChange `json:"members"`
}

// MemberChange is what an update does to one process of a group.
type MemberChange struct {
	Name   string      `json:"name"`
	Change Change      `json:"change"`
	Stop   bool        `json:"stop"`  // it runs and is stopped
	Start  bool        `json:"start"` // it is started, after that
	Keys   []KeyChange `json:"keys"`
}

// KeyChange is a key of the configuration with its values before and after. A
// value that is not set is empty; one that looks like a secret is hidden.
type KeyChange struct {
	Key string `json:"key"`
	Old string `json:"old"`
	New string `json:"new"`
}
