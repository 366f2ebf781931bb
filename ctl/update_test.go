package ctl

import (
	"testing"

	"gosupervisor/ctl/api"
)

// someChanges are those of the groups that the fake's reloadConfig names.
var someChanges = []api.GroupChange{
	{Name: "cat", Change: api.Changed, Keys: []api.KeyChange{{Key: "priority", Old: "999", New: "5"}}, Members: []api.MemberChange{
		{Name: "cat", Change: api.Changed, Stop: true, Start: true, Keys: []api.KeyChange{
			{Key: "environment", Old: `A="1"`, New: `A="2"`}, {Key: "directory", New: "/tmp"}, {Key: "command", Old: "a\nb", New: "a"}}},
		{Name: "cat2", Change: api.Unchanged},
		{Name: "cat3", Change: api.Added},
		{Name: "cat4", Change: api.Removed, Stop: true},
	}},
	{Name: "new", Change: api.Added, Whole: true, Members: []api.MemberChange{{Name: "new", Change: api.Added, Start: true}}},
	{Name: "empty", Change: api.Added, Whole: true},
	{Name: "gone", Change: api.Removed, Whole: true, Members: []api.MemberChange{{Name: "gone", Change: api.Removed}}},
}

// updates answers updateGroup by name; another name is BAD_NAME.
func updates(answers map[string]any) any {
	return func(p map[string]any) any {
		name, _ := p["name"].(string)
		if a, ok := answers[name]; ok {
			return a
		}
		return fault(api.BadName, name)
	}
}

func TestUpdateOfOurOwnDaemon(t *testing.T) {
	done := map[string]any{}
	for _, g := range someChanges {
		done[g.Name] = g
	}
	with := func(name string, answer any) map[string]any {
		all := map[string]any{}
		for k, v := range done {
			all[k] = v
		}
		all[name] = answer
		return map[string]any{"supervisor.updateGroup": updates(all), "supervisor.configChanges": someChanges}
	}
	quiet := api.GroupChange{Name: "cat", Change: api.Changed, Members: []api.MemberChange{{Name: "cat2", Change: api.Added, Start: true}}}
	whole := api.GroupChange{Name: "cat", Change: api.Changed, Whole: true, Members: []api.MemberChange{{Name: "cat", Change: api.Unchanged}}}
	rest := "new: added process group\n"
	first := "gone: stopped\ngone: removed process group\n"
	for _, row := range []struct {
		name string
		over map[string]any
		line string
		out  string
		exit int
	}{
		{"a member is stopped", with("", nil), "update", first + "cat: stopped\ncat: updated process group\n" + rest, 0},
		{"none is", with("cat", quiet), "update", first + "cat: updated process group\n" + rest, 0},
		{"a group is replaced as a whole", with("cat", whole), "update all", first + "cat: stopped\ncat: updated process group\n" + rest, 0},
		{"somebody else was faster", with("cat", api.GroupChange{Name: "cat", Change: api.Unchanged}), "update", first + rest, 0},
		{"only some", with("", nil), "update nope new", "ERROR: no such group: nope\nnew: added process group\n", 1},
		{"one that does not stop is not removed", with("gone", fault(api.Failed, "gone cannot be signalled: no")), "update",
			"gone: stopped\ngone: has problems; not removing\ncat: stopped\ncat: updated process group\n" + rest, 1},
		{"one that does not stop is not updated", with("cat", fault(api.Failed, "cat cannot be signalled: no")), "update",
			first + "cat: ERROR (FAILED: cat cannot be signalled: no)\n" + rest, 1},
		{"everything ends meanwhile", with("cat", fault(api.ShutdownState, "")), "update", first + "ERROR: already shutting down\n", 1},
		{"another fault", with("cat", fault(api.BadName, "cat")), "update", first + "error: BAD_NAME: cat\n", 1},
		{"what an option is not", with("", nil), "update --dry", "Error: bad argument --dry\n  did you mean --dry-run?\n", 1},

		{"what it would do", with("", nil), "update --dry-run", "" +
			"cat: would be updated (priority)\n" +
			"cat:cat: would be stopped, replaced, started\n" +
			"cat:cat2: untouched\n" +
			"cat:cat3: would be added\n" +
			"cat:cat4: would be stopped, removed\n" +
			"gone: would be removed\n" +
			"gone:gone: would be removed\n" +
			"new: would be added\n" +
			"new:new: would be added, started\n", 0},
		{"what it would do to one", with("", nil), "update gone --dry-run", "gone: would be removed\ngone:gone: would be removed\n", 0},
		{"what it would do to nothing", with("", nil), "update --dry-run idle", "No config updates to processes\n", 0},
		{"what it would do to a whole group", map[string]any{"supervisor.configChanges": []api.GroupChange{whole}}, "update --dry-run cat",
			"cat: would be updated\ncat:cat: would be replaced\n", 0},
		{"a plan while everything ends", map[string]any{"supervisor.configChanges": fault(api.ShutdownState, "")}, "update --dry-run", "ERROR: already shutting down\n", 1},

		{"the keys", with("", nil), "reread --diff", "" +
			"cat  priority  999 -> 5\n" +
			"cat:cat  environment  A=\"1\" -> A=\"2\"\n" +
			"cat:cat  directory  (unset) -> /tmp\n" +
			"cat:cat  command  \"a\\nb\" -> a\n" +
			"cat:cat3  added\n" +
			"cat:cat4  removed\n" +
			"empty  added\n" +
			"gone  removed\n" +
			"gone:gone  removed\n" +
			"new  added\n" +
			"new:new  added\n", 0},
		{"no keys", map[string]any{"supervisor.configChanges": []api.GroupChange{}}, "reread --diff", "No config updates to processes\n", 0},
		{"the keys while everything ends", map[string]any{"supervisor.configChanges": fault(api.ShutdownState, "")}, "reread --diff", "ERROR: supervisor shutting down\n", 1},
		{"what reread does not take", with("", nil), "reread --dif", "Error: bad argument --dif\n  did you mean --diff?\n", 1},
		{"what reread takes, and more", with("", nil), "reread --diff x", "Error: reread accepts no arguments\n" + helpReread, 1},

		{"the original has no keys to tell", nil, "reread --diff", "ERROR: the server does not tell which keys differ\n", 1},
		{"the original's plan", nil, "update --dry-run", "cat: would be updated\ngone: would be removed\nnew: would be added\n", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t, row.over)
			got := supervisorctl(t, "", "-c", f.config, row.line)
			if want := (outcomeOf{row.out, "", row.exit}); got != want {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestHooksAreUpdatedAsGroupsAre(t *testing.T) {
	changes := []api.GroupChange{
		{Name: "cat", Change: api.Changed, Keys: []api.KeyChange{{Key: "priority", Old: "999", New: "5"}}},
		{Name: "hook:new", Change: api.Added},
		{Name: "hook:page", Change: api.Changed, Keys: []api.KeyChange{{Key: "timeout", Old: "30", New: "5"}}},
		{Name: "hook:old", Change: api.Removed},
	}
	done := map[string]any{"hook:same": api.GroupChange{Name: "hook:same", Change: api.Unchanged}}
	for _, g := range changes {
		done[g.Name] = g
	}
	over := map[string]any{
		"supervisor.reloadConfig": api.Reread{Changed: []string{"cat"}},
		"supervisor.updateGroup":  updates(done), "supervisor.configChanges": changes,
	}
	for _, row := range []struct {
		line, out string
		exit      int
	}{
		{"reread", "cat: changed\nhook:new: available\nhook:old: disappeared\nhook:page: changed\n", 0},
		{"reread --diff", "cat  priority  999 -> 5\nhook:new  added\nhook:old  removed\nhook:page  timeout  30 -> 5\n", 0},
		{"update --dry-run", "cat: would be updated (priority)\nhook:new: would be added\nhook:old: would be removed\nhook:page: would be updated (timeout)\n", 0},
		{"update", "hook:old: removed hook\ncat: updated process group\nhook:page: updated hook\nhook:new: added hook\n", 0},
		{"update hook:page", "hook:page: updated hook\n", 0},
		{"update hook:same", "", 0},
		{"update hook:nope", "ERROR: no such group: hook:nope\n", 1},
	} {
		f := newFake(t, over)
		if got, want := supervisorctl(t, "", "-c", f.config, row.line), (outcomeOf{row.out, "", row.exit}); got != want {
			t.Errorf("%s: got %+v\nwant %+v", row.line, got, want)
		}
	}
}

func TestAnUnreadableConfigurationIsExplained(t *testing.T) {
	bad := api.NewFault(api.CantReread, "bad (file: 'x')")
	bad.Hint = "x:3: [program:a] autostart: bad\nx:9: [program:b] command: missing"
	f := newFake(t, map[string]any{"supervisor.reloadConfig": bad})
	want := "ERROR: CANT_REREAD: bad (file: 'x')\n  x:3: [program:a] autostart: bad\n  x:9: [program:b] command: missing\n"
	for _, line := range []string{"reread", "reread --diff", "update", "update --dry-run"} {
		if got := supervisorctl(t, "", "-c", f.config, line); got.out != want || got.exit != 1 {
			t.Errorf("%s: got %+v", line, got)
		}
	}
}
