package ctl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// lookAtMost is how often a live status asks for all states at the most, however
// much happens. When nothing happens it asks for nothing.
const lookAtMost = 100 * time.Millisecond

// statusEvents are the types of events after which a status may be another one.
var statusEvents = []string{"PROCESS_STATE", "PROCESS_GROUP", "SUPERVISOR_STATE_CHANGE"}

// watch shows the status of processes and how it changes: on a terminal as a table
// that is drawn anew, with --json as one that comes again, elsewhere as a table and
// then a line for each change.
func (s *session) watch(ctx context.Context, c *client.Client, first []api.ProcessInfo, names []string) error {
	var err error
	v, live := (*screen)(nil), false
	if !s.wantsJSON() {
		v, live = s.openScreen()
	}
	switch {
	case live:
		err = s.watchLive(ctx, v, c, first, names)
	case s.wantsJSON():
		err = s.watchTables(ctx, c, first, names)
	default:
		err = s.watchLines(ctx, c, first, names)
	}
	if errors.Is(err, context.Canceled) { // Ctrl-C
		err = nil
	}
	return s.noEvents(err)
}

// changesOf asks for the events after which the status of names may be another.
func changesOf(names []string) client.EventsQuery {
	q := client.EventsQuery{Since: -1, Types: statusEvents}
	if !wantsAll(names) {
		q.Names = asNamespecs(names)
	}
	return q
}

// meantBy returns the processes that names mean, in the order of the names, as
// status has them; no names mean every one.
func meantBy(all []api.ProcessInfo, names []string) (some []api.ProcessInfo) {
	if len(names) == 0 || wantsAll(names) {
		return all
	}
	for _, name := range names {
		some = append(some, meantByOne(all, name)...)
	}
	return some
}

// meantByOne returns those that one name means, in the order of all.
func meantByOne(all []api.ProcessInfo, name string) (some []api.ProcessInfo) {
	for _, p := range all {
		if meant(p, []string{name}) {
			some = append(some, p)
		}
	}
	return some
}

// watchLines prints the table, and then each change as a line of one.
func (s *session) watchLines(ctx context.Context, c *client.Client, first []api.ProcessInfo, names []string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	printed := false
	f := feed{client: c, query: changesOf(names)}
	f.on = func(r api.EventRecord) error {
		e := r.Event
		switch {
		case !printed: // the stream is open: what is asked for from here on misses nothing
			printed = true
			all, err := c.Processes(ctx)
			if err == nil {
				first = meantBy(all, names)
			}
			s.table(first)
		case r.Gap != nil:
			s.tellGap(*r.Gap)
		case e == nil:
		case e.Name != "":
			s.table([]api.ProcessInfo{afterwards(e)})
		case e.Group != "":
			s.table([]api.ProcessInfo{{Group: e.Group, Name: "*", StateName: strings.TrimPrefix(e.Type, "PROCESS_GROUP_")}})
		}
		return nil
	}
	f.lost = func(err error) { s.sideNote(lostText(err)) }
	return f.run(ctx)
}

// afterwards is what is known of a process from an event alone.
func afterwards(e *api.Event) api.ProcessInfo {
	p := api.ProcessInfo{Name: e.Name, Group: e.Group, PID: e.PID, StateName: strings.TrimPrefix(e.Type, "PROCESS_STATE_"), Description: e.Reason}
	if p.StateName == "RUNNING" {
		p.Description = fmt.Sprintf("pid %d, uptime 0:00:00", e.PID)
	}
	return p
}

// lostText says that a server is gone and is waited for.
func lostText(err error) string {
	why := "supervisord has ended"
	if err != nil {
		why = err.Error()
	}
	return why + "; waiting for it to come back"
}

// watchTables answers with all states, again after each change.
func (s *session) watchTables(ctx context.Context, c *client.Client, first []api.ProcessInfo, names []string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	return lookOn(ctx, c, names, func(l sight) error {
		if l.err == nil {
			s.data(listOf(meantBy(l.all, names)))
		}
		return nil
	})
}

// sight is all states, or why they are not known.
type sight struct {
	all []api.ProcessInfo
	err error
	at  time.Time
}

// lookOn calls show with all states: first, and again whenever an event may have
// changed them.
func lookOn(ctx context.Context, c *client.Client, names []string, show func(sight) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stale := make(chan struct{}, 1) // holds the word that there is something new
	gone := make(chan error, 1)     // holds the last reason why there is no server
	ended := make(chan error, 1)    // why the feed has ended
	f := feed{client: c, query: changesOf(names)}
	f.on = func(api.EventRecord) error {
		select {
		case stale <- struct{}{}:
		default:
		}
		return nil
	}
	f.lost = func(err error) { send(ctx, gone, err) }
	go func() { ended <- f.run(ctx) }()
	defer func() { cancel(nil); <-ended }()
	for {
		var l sight
		select {
		case <-stale:
			all, err := c.Processes(ctx)
			if ctx.Err() != nil {
				continue
			}
			l = sight{all: all, err: err}
			var fault *api.Fault
			if errors.As(err, &fault) && fault.Code == api.ShutdownState {
				l.err = errors.New(textShuttingDown)
			}
		case err := <-gone:
			l = sight{err: errors.New(lostText(err))}
		case err := <-ended:
			ended <- err
			if len(stale) > 0 {
				continue // what has come before the end is shown before it
			}
			return err
		}
		l.at = time.Now()
		if err := show(l); err != nil {
			return err
		}
		if pause(ctx, lookAtMost) != nil {
			return whyEnded(ctx)
		}
	}
}

// liveStatus is a table of states on a screen.
type liveStatus struct {
	s      *session
	v      *screen
	names  []string
	shown  []api.ProcessInfo
	at     time.Time // of which that is
	notice string    // what is wrong; "": nothing
}

// watchLive draws until somebody presses q. What waits for the server is a
// goroutine of its own, so that keys count at once. A clock moves the uptimes on;
// the server is asked for nothing when nothing happens.
func (s *session) watchLive(ctx context.Context, v *screen, c *client.Client, first []api.ProcessInfo, names []string) error {
	defer v.close()
	ctx, cancel := context.WithCancelCause(ctx)
	sights := make(chan sight)
	ended := make(chan error, 1)
	v.readers.Go(func() {
		ended <- lookOn(ctx, c, names, func(l sight) error { return send(ctx, sights, l) })
	})
	defer cancel(nil) // before the screen is closed, which waits for that goroutine
	clock := time.NewTicker(time.Second)
	defer clock.Stop()
	t := &liveStatus{s: s, v: v, names: names, shown: first, at: time.Now()}
	for {
		t.draw(time.Now())
		select {
		case l := <-sights:
			t.take(l)
		case <-clock.C:
		case key, ok := <-v.keys:
			if !ok || key == 'q' || key == 'Q' || key == ctrlC {
				return nil
			}
		case sig := <-v.signals:
			switch {
			case sig == os.Interrupt:
				return nil
			case !resized(sig):
				return fmt.Errorf("ended by the signal %v", sig)
			}
		case err := <-ended:
			return err
		case <-ctx.Done():
			return whyEnded(ctx)
		}
	}
}

func (t *liveStatus) take(l sight) {
	if l.err != nil {
		t.notice = l.err.Error()
		return
	}
	t.shown, t.at, t.notice = meantBy(l.all, t.names), l.at, ""
}

// draw shows the table as it is now. What there is no room for is counted.
func (t *liveStatus) draw(now time.Time) {
	count, order := map[string]int{}, []string(nil)
	rows := make([]api.ProcessInfo, len(t.shown))
	for i, p := range t.shown {
		if count[p.StateName]++; count[p.StateName] == 1 {
			order = append(order, p.StateName)
		}
		rows[i] = p
		if p.StateName == "RUNNING" {
			rows[i].Description = uptimeAt(p, now.Sub(t.at))
		}
	}
	var states []string
	for _, state := range order {
		states = append(states, t.s.paint(stateColour(state), fmt.Sprintf("%d %s", count[state], visible(state, ""))))
	}
	second := "live; press q to quit"
	if t.notice != "" {
		second = t.s.paint(red, visible(t.notice, ""))
	}
	lines := append([]string{strings.Join(states, ", "), second, ""}, t.s.tableLines(rows, t.s.nameWidth(rows))...)
	if _, height := t.v.size(); len(lines) > height && height > 3 {
		hidden := len(lines) - height + 1
		lines = append(lines[:height-1], fmt.Sprintf("(%d more; a larger terminal shows them)", hidden))
	}
	t.v.draw(lines)
}

// uptimeAt words the description of a process that runs, some time after it was
// told.
func uptimeAt(p api.ProcessInfo, later time.Duration) string {
	s := max(0, p.Now-p.Start+int64(later/time.Second))
	clock := fmt.Sprintf("%d:%02d:%02d", s/3600%24, s/60%60, s%60)
	switch days := s / 86400; days {
	case 0:
	case 1:
		clock = "1 day, " + clock
	default:
		clock = fmt.Sprintf("%d days, %s", days, clock)
	}
	return fmt.Sprintf("pid %d, uptime %s", p.PID, clock)
}
