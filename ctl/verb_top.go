package ctl

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// What top takes for granted.
const (
	topEvery   = 2 * time.Second        // between two looks, on a screen
	topOnce    = time.Second            // the same, for one table
	topFastest = 200 * time.Millisecond // a look costs the server something
)

// top shows what processes take of the machine: on a terminal again and again,
// elsewhere once.
func (s *session) top(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	look := func(ctx context.Context) ([]api.ProcessUsage, error) { return usageOf(ctx, c, names) }
	first, err := look(ctx)
	if err != nil {
		return s.unlessDown(err, textShuttingDown)
	}
	s.entries()
	if first = s.complainOfNames(first, names); len(first) == 0 && len(names) > 0 {
		return nil
	}
	if !s.flags.on("once") && !s.wantsJSON() {
		if v, ok := s.openScreen(); ok {
			err := s.topLive(ctx, v, look, first)
			return s.unlessDown(err, textShuttingDown)
		}
	}
	second := first
	if slices.ContainsFunc(first, func(u api.ProcessUsage) bool { return u.CPUSeconds != nil }) {
		if err := pause(ctx, max(topFastest, given(s.flags, "interval", topOnce))); err != nil {
			return err
		}
		if second, err = look(ctx); err != nil {
			return s.unlessDown(err, textShuttingDown)
		}
	}
	rows := usageRows(first, second)
	for _, line := range usageTable(rows, func(state, text string) string { return s.paint(stateColour(state), text) }) {
		fmt.Fprintln(s.out, line)
	}
	for _, r := range rows {
		s.entry(r)
	}
	if !measured(rows) {
		s.sideNote(textNotMeasured)
	}
	return nil
}

// sideNote says something on the standard error that is no failure.
func (s *session) sideNote(text string) {
	if !s.wantsJSON() {
		warn(s.errs, "%s", text)
	}
}

// usageOf asks for the processes that names mean; none means all. An original
// tells nothing but states.
func usageOf(ctx context.Context, c *client.Client, names []string) ([]api.ProcessUsage, error) {
	all, err := c.Usage(ctx)
	if isUnknown(err) {
		var processes []api.ProcessInfo
		processes, err = c.Processes(ctx)
		for _, p := range processes {
			u := api.ProcessUsage{Name: p.Name, Group: p.Group, State: p.State, StateName: p.StateName, PID: p.PID, Start: p.Start, Starts: -1, Restarts: -1}
			if p.PID != 0 {
				u.Uptime = max(0, float64(p.Now-p.Start))
			}
			all = append(all, u)
		}
	}
	if err != nil || len(names) == 0 {
		return all, err
	}
	return slices.DeleteFunc(all, func(u api.ProcessUsage) bool {
		return !meant(api.ProcessInfo{Name: u.Name, Group: u.Group}, names)
	}), nil
}

// complainOfNames complains about names that mean none of the processes, and
// returns those.
func (s *session) complainOfNames(all []api.ProcessUsage, names []string) []api.ProcessUsage {
	for _, name := range names {
		if name == "all" || slices.ContainsFunc(all, func(u api.ProcessUsage) bool {
			return meant(api.ProcessInfo{Name: u.Name, Group: u.Group}, []string{name})
		}) {
			continue
		}
		s.entry(missing(name, api.NewFault(api.BadName, name)))
		s.printf("%s: %s", s.name(name), textNoSuchProcess)
		s.fail(exitGeneric)
	}
	return all
}

// pause waits for a while.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// liveTop is top on a screen.
type liveTop struct {
	s      *session
	v      *screen
	before []api.ProcessUsage
	rows   []usageRow
	by     usageKey
	notice string // what went wrong last; "": nothing
}

// look is an answer of the server, or why there is none.
type look struct {
	all []api.ProcessUsage
	err error
}

// topLive draws until somebody presses q. The server is asked in a goroutine of
// its own, one question at a time, so that keys count at once; one that does
// not answer leaves the last picture, with a line that says so.
func (s *session) topLive(ctx context.Context, v *screen, ask func(context.Context) ([]api.ProcessUsage, error), first []api.ProcessUsage) error {
	defer v.close()
	ctx, cancel := context.WithCancelCause(ctx)
	looks := make(chan look)
	every := max(topFastest, given(s.flags, "interval", topEvery))
	v.readers.Go(func() {
		for wait := min(every, topOnce); pause(ctx, wait) == nil; wait = every {
			all, err := ask(ctx)
			if send(ctx, looks, look{all, err}) != nil {
				return
			}
		}
	})
	defer cancel(nil) // before the screen is closed, which waits for that goroutine
	t := &liveTop{s: s, v: v, before: first, rows: usageRows(nil, first), by: usageKeys()[0]}
	for {
		t.draw()
		select {
		case l := <-looks:
			t.take(l)
		case key, ok := <-v.keys:
			if !ok || key == 'q' || key == 'Q' || key == ctrlC {
				return nil
			}
			if i := slices.IndexFunc(usageKeys(), func(k usageKey) bool { return k.key == key }); i >= 0 {
				t.by = usageKeys()[i]
			}
		case sig := <-v.signals:
			if !resized(sig) {
				return fmt.Errorf("ended by the signal %v", sig)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// take takes an answer.
func (t *liveTop) take(l look) {
	if l.err != nil {
		t.notice = l.err.Error()
		return
	}
	t.notice = ""
	t.rows, t.before = usageRows(t.before, l.all), l.all
}

func (t *liveTop) draw() {
	sortUsage(t.rows, t.by)
	var keys string
	for _, k := range usageKeys() {
		keys += string(k.key) + " "
	}
	second := "sorted by " + t.by.title + "; press " + keys + "for another column, q to quit"
	switch {
	case t.notice != "":
		second = t.s.paint(red, visible(t.notice, ""))
	case !measured(t.rows):
		second = textNotMeasured
	}
	lines := append([]string{usageSummary(t.rows), second, ""},
		usageTable(t.rows, func(state, text string) string { return t.s.paint(stateColour(state), text) })...)
	t.v.draw(lines)
}
