package child

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

// failedStep is the step at which a user could not be changed.
type failedStep struct {
	text string // in the words of the original
	call string
	err  error
}

// become changes the groups and the user. A child that is to stay who it is keeps
// its groups too, as the original's does, unless they were asked for.
func become(c *Credential) *failedStep {
	same := c.same()
	if same && !c.Regroup {
		return nil
	}
	if c.Groups != nil && !(same && c.GroupAlone) && !hasGroups(c) {
		if err := syscall.Setgroups(c.Groups); err != nil {
			return refused("Could not set groups of effective user", "setgroups", err)
		}
	}
	if c.GID >= 0 && (!same || c.GID != os.Getgid()) {
		if err := syscall.Setgid(c.GID); err != nil {
			return refused("Could not set group id of effective user", "setgid", err)
		}
	}
	if same {
		return nil
	}
	if err := syscall.Setuid(c.UID); err != nil {
		return refused("Could not set user id of effective user", "setuid", err)
	}
	return nil
}

// hasGroups tells whether we are in these groups and no others. Then it does not
// matter that who is not root, or in some namespaces, may not set them. The primary
// group may stand among the others or not, which is the same.
func hasGroups(c *Credential) bool {
	have, err := syscall.Getgroups()
	if err != nil {
		return false
	}
	gid := c.GID
	if gid < 0 {
		gid = os.Getgid()
	}
	have, want := append(have, os.Getgid()), append(slices.Clone(c.Groups), gid)
	slices.Sort(have)
	slices.Sort(want)
	return slices.Equal(slices.Compact(have), slices.Compact(want))
}

// refused words a failure as the original does, which does not even try where it is
// not root.
func refused(text, call string, err error) *failedStep {
	if os.Getuid() != 0 && err == syscall.EPERM {
		text = "Can't drop privilege as nonroot user"
	}
	return &failedStep{text, call, err}
}

// target names what was to be changed, as the original does.
func (f *failedStep) target(c *Credential) string {
	switch {
	case c.UID >= 0:
		return fmt.Sprintf("uid to %d", c.UID)
	case c.GID >= 0:
		return fmt.Sprintf("gid to %d", c.GID)
	}
	return "groups"
}

// without says what a child does without that is not what it should be, "" if it cannot
// be the program at all.
func (f *failedStep) without(c *Credential) string {
	if !c.Optional || !c.same() {
		return ""
	}
	return f.why(&Credential{UID: -1, GID: c.GID}) + "; it stays in the groups of supervisord"
}

// why says for people what could not be done, and what is missing.
func (f *failedStep) why(c *Credential) string {
	who := fmt.Sprintf("user %d", c.UID)
	if c.UID < 0 {
		who = fmt.Sprintf("group %d", c.GID)
		if c.GID < 0 {
			who = "other groups"
		}
	}
	text := fmt.Sprintf("cannot run as %s: %s: %v", who, f.call, f.err)
	switch {
	case f.err == syscall.EINVAL:
		return text + " (the number has no meaning in this user namespace)"
	case f.err != syscall.EPERM:
		return text
	case os.Getuid() != 0:
		return fmt.Sprintf("%s (supervisord runs as user %d, and only root may change users and groups)", text, os.Getuid())
	}
	capability := "CAP_SETGID"
	if f.call == "setuid" {
		capability = "CAP_SETUID"
	}
	return text + " (supervisord is root without " + capability + ")"
}
