package ctl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// eventsFlags are the flags of events.
func eventsFlags() []flag {
	return []flag{
		{name: "follow", short: "f", help: "go on with what happens from now on, until Ctrl-C"},
		{name: "since", value: "SERIAL", parse: parseSerial, help: "begin after the event with this serial (--json shows them)"},
		{name: "type", value: "T,...", parse: parseTypes, words: slices.Concat(conf.EventTypes(), api.FollowedTypes()),
			help: "only these types, such as PROCESS_STATE; output and ticks come only if they are named"},
		{name: "pools", help: "show the pools of event listeners instead: what waits, and what was lost"},
		timeoutFlag,
	}
}

func parseSerial(text string) (any, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return nil, errors.New("it must be the serial of an event, or 0 for all that are kept")
	}
	return n, nil
}

func parseTypes(text string) (any, error) {
	var types []string
	for word := range strings.SplitSeq(strings.ToUpper(text), ",") {
		if word = strings.TrimSpace(word); word != "" {
			types = append(types, word)
		}
	}
	if len(types) == 0 {
		return nil, errors.New("it must be types of events with commas between them, such as PROCESS_STATE,TICK_60")
	}
	return types, nil
}

// events shows what has happened, as far as the server knows, or what happens.
func (s *session) events(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	words := strings.Fields(arg)
	if s.flags.on("pools") {
		return s.noEvents(s.eventPools(ctx, c, words))
	}
	q := client.EventsQuery{Since: given(s.flags, "since", int64(-1)), Types: given(s.flags, "type", []string(nil))}
	if !wantsAll(words) {
		q.Names = s.eventNames(ctx, c, words)
	}
	if s.flags.on("follow") {
		return s.noEvents(s.followEvents(ctx, c, q))
	}
	list, err := c.Events(ctx, q)
	if err != nil {
		return s.noEvents(err)
	}
	s.result(list)
	if list.Gap != nil && q.Since >= 0 {
		s.tellGap(*list.Gap)
	}
	for i := range list.Events {
		s.tellEvent(&list.Events[i])
	}
	return nil
}

// noEvents has words for a server that does not tell of events, or not of such.
func (s *session) noEvents(err error) error {
	var fault *api.Fault
	switch {
	case isUnknown(err):
		s.complain(exitGeneric, problemOf(err), textNoEvents)
		return nil
	case errors.As(err, &fault) && fault.Hint != "":
		s.complain(exitGeneric, problemOf(err), "error: "+fault.Text())
		s.printHint(fault.Hint)
		return nil
	}
	return err
}

// eventNames returns names as the server knows them. One that means nothing now
// is no mistake: it may have meant something, or be about to.
func (s *session) eventNames(ctx context.Context, c *client.Client, words []string) []string {
	if len(words) == 0 {
		return nil
	}
	all, err := c.Processes(ctx)
	for _, word := range words {
		if err == nil && !slices.ContainsFunc(all, func(p api.ProcessInfo) bool { return api.Matches(word, p.Group, p.Name) }) {
			s.sideNote(fmt.Sprintf("%s: there is no such process now", word))
		}
	}
	return asNamespecs(words)
}

// asNamespecs writes names as the server reads them: GROUP: is GROUP:*.
func asNamespecs(words []string) (names []string) {
	for _, word := range words {
		group, process := splitName(word)
		names = append(names, api.Namespec(group, cmp.Or(process, "*")))
	}
	return names
}

// followEvents tells of events until Ctrl-C.
func (s *session) followEvents(ctx context.Context, c *client.Client, q client.EventsQuery) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	away := false
	f := feed{client: c, query: q}
	f.on = func(r api.EventRecord) error {
		s.data(r)
		switch {
		case r.Open != nil && away:
			away = false
			s.sideNote(fmt.Sprintf("supervisord is back, with pid %d", r.Open.PID))
		case r.Gap != nil:
			s.tellGap(*r.Gap)
		case r.Event != nil:
			s.tellEvent(r.Event)
		}
		return nil
	}
	f.lost = func(err error) {
		away = true
		s.sideNote(lostText(err))
	}
	err := f.run(ctx)
	if errors.Is(err, context.Canceled) { // Ctrl-C
		if s.terminal {
			fmt.Fprintln(s.out)
		}
		return nil
	}
	return err
}

func (s *session) tellGap(g api.Gap) {
	s.printf("==> events %d to %d are not there any more <==", g.From, g.To)
}

// tellEvent prints an event as a line, whatever is in it.
func (s *session) tellEvent(e *api.Event) {
	s.printf("%s %s", time.UnixMilli(e.When).Format("2006-01-02 15:04:05.000"), visible(eventText(e), ""))
}

// eventText words an event.
func eventText(e *api.Event) string {
	words := []string{e.Type}
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	switch {
	case e.Name != "":
		add("%s", api.Namespec(e.Group, e.Name))
	case e.Group != "":
		add("%s", e.Group)
	}
	if e.From != "" {
		add("from %s", e.From)
	}
	if e.PID != 0 {
		add("pid %d", e.PID)
	}
	if e.Tick != 0 {
		add("%d", e.Tick)
	}
	if e.Dropped != 0 {
		add("%d lost so far", e.Dropped)
	}
	if e.Remote != "" {
		add("%s", e.Remote)
	}
	text := strings.Join(words, " ")
	if detail := e.Reason + strings.TrimSuffix(string(e.Data), "\n"); detail != "" {
		text += ": " + detail
	}
	if e.Whole > 0 {
		text += fmt.Sprintf(" ... (%d bytes in all)", e.Whole)
	}
	return text
}

// eventPools shows the pools of event listeners.
func (s *session) eventPools(ctx context.Context, c *client.Client, names []string) error {
	pools, err := c.EventPools(ctx)
	if err != nil {
		return s.unlessDown(err, textShuttingDown)
	}
	s.entries()
	rows := [][]string{{"POOL", "LISTENERS", "BUFFERED", "ROOM", "POLICY", "DELIVERED", "REJECTED", "DROPPED"}}
	for _, p := range pools {
		if len(names) > 0 && !wantsAll(names) && !slices.ContainsFunc(names, func(n string) bool { group, _ := splitName(n); return group == p.Name }) {
			continue
		}
		s.entry(p)
		policy := p.BufferPolicy
		if p.Holding {
			policy += " (holding)"
		}
		rows = append(rows, []string{visible(p.Name, ""), listenerStates(p.Listeners), fmt.Sprint(p.Buffered), fmt.Sprint(p.Limit), policy,
			fmt.Sprint(p.Delivered), fmt.Sprint(p.Rejected), fmt.Sprint(p.Dropped)})
	}
	for _, line := range aligned(rows) {
		s.printf("%s", line)
	}
	return nil
}

// listenerStates counts listeners by state, such as "2 READY, 1 UNKNOWN".
func listenerStates(listeners []api.PoolListener) string {
	count, order := map[string]int{}, []string(nil)
	for _, l := range listeners {
		state := l.Listener
		switch {
		case l.StateName != "RUNNING":
			state = l.StateName
		case l.Deaf:
			state = "DEAF"
		}
		if count[state]++; count[state] == 1 {
			order = append(order, state)
		}
	}
	var texts []string
	for _, state := range order {
		texts = append(texts, fmt.Sprintf("%d %s", count[state], state))
	}
	return strings.Join(texts, ", ")
}

// aligned lays rows out in columns.
func aligned(rows [][]string) (lines []string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&b, "%-*s  ", widths[i], cell)
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}
