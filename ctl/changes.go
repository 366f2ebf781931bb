package ctl

import (
	"context"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// changes asks for the differences by key, and sorts them by group.
func (s *session) changes(ctx context.Context, c *client.Client) ([]api.GroupChange, error) {
	all, err := c.ConfigChanges(ctx)
	sort.SliceStable(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all, err
}

// hookPrefix is what the names of hooks begin with where groups are named too. No
// group can have such a name.
const hookPrefix = "hook:"

// withHooks adds to what a reread found the hooks that differ. Our own daemon tells of
// them, and updates them, as of groups.
func withHooks(ctx context.Context, c *client.Client, diff api.Reread) (api.Reread, error) {
	all, err := c.ConfigChanges(ctx)
	if isUnknown(err) {
		return diff, nil
	}
	for _, g := range all {
		if !strings.HasPrefix(g.Name, hookPrefix) {
			continue
		}
		switch g.Change {
		case api.Added:
			diff.Added = append(diff.Added, g.Name)
		case api.Changed:
			diff.Changed = append(diff.Changed, g.Name)
		case api.Removed:
			diff.Removed = append(diff.Removed, g.Name)
		}
	}
	return diff, err
}

// isHook tells whether a name is that of a hook that does not differ.
func isHook(ctx context.Context, c *client.Client, name string) bool {
	if !strings.HasPrefix(name, hookPrefix) {
		return false
	}
	_, err := c.UpdateGroup(ctx, name) // there is nothing to update
	return err == nil
}

// printDiff prints each key that differs in a line of its own.
func (s *session) printDiff(ctx context.Context, c *client.Client) error {
	all, err := s.changes(ctx, c)
	if isUnknown(err) {
		s.complain(exitGeneric, problemOf(err), textNoDetails)
		return nil
	}
	if err != nil {
		return s.unlessDown(err, textShuttingDown)
	}
	s.entries()
	for _, g := range all {
		s.entry(g)
		if g.Change != api.Changed {
			s.printf("%s  %s", s.name(g.Name), g.Change)
		}
		s.printKeys(g.Name, g.Keys)
		for _, m := range g.Members {
			name := g.Name + ":" + m.Name
			if m.Change == api.Added || m.Change == api.Removed {
				s.printf("%s  %s", s.name(name), m.Change)
			}
			s.printKeys(name, m.Keys)
		}
	}
	if len(all) == 0 {
		s.printf(textNothingToReread)
	}
	return nil
}

func (s *session) printKeys(name string, keys []api.KeyChange) {
	for _, k := range keys {
		s.printf("%s  %s  %s -> %s", s.name(name), k.Key, s.name(shownValue(k.Old)), s.name(shownValue(k.New)))
	}
}

// shownValue makes a value fit into a line.
func shownValue(value string) string {
	switch {
	case value == "":
		return "(unset)"
	case strings.ContainsFunc(value, unicode.IsControl):
		return strconv.Quote(value)
	}
	return value
}

// printPlan prints what an update of the groups in diff would do. Of a server
// that does not tell, no more is known than which groups.
func (s *session) printPlan(ctx context.Context, c *client.Client, diff api.Reread) error {
	all, err := s.changes(ctx, c)
	switch {
	case isUnknown(err):
		all = wholeGroups(diff)
	case err != nil:
		return s.unlessDown(err, textAlreadyDown)
	}
	asked := slices.Concat(diff.Added, diff.Changed, diff.Removed)
	for _, g := range all {
		if slices.Contains(asked, g.Name) {
			s.entry(g)
			s.printGroupPlan(g)
		}
	}
	if len(asked) == 0 {
		s.printf(textNothingToReread)
	}
	return nil
}

// wholeGroups makes changes of what a reread found.
func wholeGroups(diff api.Reread) []api.GroupChange {
	var all []api.GroupChange
	for change, groups := range map[api.Change][]string{api.Added: diff.Added, api.Changed: diff.Changed, api.Removed: diff.Removed} {
		for _, g := range groups {
			all = append(all, inSteps(g, change))
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

func (s *session) printGroupPlan(g api.GroupChange) {
	var keys []string
	for _, k := range g.Keys {
		keys = append(keys, k.Key)
	}
	why := ""
	if len(keys) > 0 {
		why = " (" + strings.Join(keys, ", ") + ")"
	}
	what := map[api.Change]string{api.Added: "added", api.Changed: "updated", api.Removed: "removed"}[g.Change]
	s.printf("%s: would be %s%s", s.name(g.Name), what, why)
	for _, m := range g.Members {
		name := s.name(g.Name + ":" + m.Name)
		if does := memberPlan(g, m); len(does) > 0 {
			s.printf("%s: would be %s", name, strings.Join(does, ", "))
		} else {
			s.printf("%s: untouched", name)
		}
	}
}

// memberPlan says what an update does to a process, in order.
func memberPlan(g api.GroupChange, m api.MemberChange) (does []string) {
	if m.Stop {
		does = append(does, "stopped")
	}
	switch {
	case m.Change == api.Added:
		does = append(does, "added")
	case m.Change == api.Removed:
		does = append(does, "removed")
	case m.Change == api.Changed || g.Whole:
		does = append(does, "replaced")
	}
	if m.Start {
		does = append(does, "started")
	}
	return does
}
