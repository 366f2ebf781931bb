package ctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// Of an original, this much of a log is read for its last lines.
const (
	whyLines     = 10
	whyReadBytes = 16 << 10
)

// reduced is what is known of a process of an original, and what is not.
type reduced struct {
	api.Explanation
	Unknown []string `json:"unknown"` // the members that this server does not tell
}

// unknownMembers are the members of an Explanation that an original cannot fill.
var unknownMembers = []string{"command", "starts", "restarts", "tries", "startretries", "waits_for", "next_start", "history"}

// why says why processes are in their states.
func (s *session) why(ctx context.Context, arg string) error {
	names := strings.Fields(arg)
	if len(names) == 0 {
		s.misuse("why", exitUsage, fmt.Sprintf(textNeedsName, "why"))
		return nil
	}
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	s.entries()
	if names, err = s.spread(ctx, c, names); err != nil {
		return err
	}
	lines := given(s.flags, "lines", whyLines)
	for i, name := range names {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		x, err := c.Explain(ctx, name, lines)
		if isUnknown(err) {
			err = s.whyReduced(ctx, c, name, lines)
		} else if err == nil {
			s.entry(x)
			s.printWhy(x)
		}
		if isBadName(err) {
			s.entry(missing(name, err))
			s.printf("%s: %s", s.name(name), textNoSuchProcess)
			s.fail(exitGeneric)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// spread replaces all, and names of groups, by the names of processes. A name
// that means nothing stays.
func (s *session) spread(ctx context.Context, c *client.Client, names []string) ([]string, error) {
	if !isMany(names) {
		return names, nil
	}
	all, err := c.Processes(ctx)
	if err != nil {
		return nil, err
	}
	if wantsAll(names) {
		names = nil
		for _, p := range all {
			names = append(names, p.Namespec())
		}
		return names, nil
	}
	var out []string
	for _, name := range names {
		before := len(out)
		for _, p := range all {
			if meant(p, []string{name}) {
				out = append(out, p.Namespec())
			}
		}
		if len(out) == before {
			out = append(out, name)
		}
	}
	return out, nil
}

// whyReduced says what an original knows.
func (s *session) whyReduced(ctx context.Context, c *client.Client, name string, lines int) error {
	p, err := c.Process(ctx, name)
	if err != nil {
		return err
	}
	x := reduced{Unknown: unknownMembers, Explanation: api.Explanation{
		Name: p.Name, Group: p.Group, State: p.State, StateName: p.StateName, Description: p.Description, PID: p.PID,
		Start: p.Start, Now: p.Now, History: []api.Transition{}}}
	if p.Stop > 0 {
		x.LastExit = &api.Exit{Time: float64(p.Stop)}
		x.Unknown = append(x.Unknown[:len(x.Unknown):len(x.Unknown)], "last_exit.pid", "last_exit.signal", "last_exit.core_dumped", "last_exit.expected", "last_exit.ran")
		switch {
		case p.StateName != "EXITED" && p.StateName != "STOPPED": // another start has taken it away
			x.Unknown = append(x.Unknown, "last_exit.status")
		case p.ExitStatus < 0:
			x.LastExit.Status, x.LastExit.Text = p.ExitStatus, "killed by a signal"
		default:
			x.LastExit.Status, x.LastExit.Text = p.ExitStatus, fmt.Sprintf("exited with status %d", p.ExitStatus)
		}
	}
	if x.Stdout, err = tailOf(ctx, c, name, api.Stdout, p.StdoutLogfile, lines); err != nil {
		return err
	}
	if x.Stderr, err = tailOf(ctx, c, name, api.Stderr, p.StderrLogfile, lines); err != nil {
		return err
	}
	s.entry(x)
	s.printWhy(x.Explanation)
	s.printf(textWhyReduced)
	return nil
}

// tailOf reads the last lines of a log.
func tailOf(ctx context.Context, c *client.Client, name string, channel api.Channel, file string, lines int) (api.LogTail, error) {
	tail := api.LogTail{Logfile: file, Lines: []api.Bytes{}}
	text, err := c.ReadProcessLog(ctx, name, channel, -whyReadBytes, 0)
	var fault *api.Fault
	switch {
	case errors.As(err, &fault):
		tail.Note = "not to be had: " + fault.Text()
		return tail, nil
	case err != nil:
		return tail, err
	}
	all := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(text) >= whyReadBytes && len(all) > 1 {
		all = all[1:] // the first one may be the end of a line
	}
	if len(text) == 0 {
		all = nil
	}
	for _, line := range all[max(0, len(all)-lines):] {
		tail.Lines = append(tail.Lines, line)
	}
	return tail, nil
}

// printWhy prints an explanation for a person. What comes from programs is shown
// without control characters wherever it goes, since that is what it is for.
func (s *session) printWhy(x api.Explanation) {
	clean := func(text string) string { return visible(text, "") }
	fmt.Fprintf(s.out, "%s  %s", clean(x.Namespec()), s.paint(stateColour(x.StateName), clean(x.StateName)))
	if x.Description != "" {
		fmt.Fprintf(s.out, "  %s", clean(x.Description))
	}
	fmt.Fprintln(s.out)
	for _, fact := range whyFacts(x) {
		fmt.Fprintf(s.out, "  %-11s %s\n", fact[0], clean(fact[1]))
	}
	s.printHistory(x.History)
	s.printTail("stdout", x.Stdout)
	s.printTail("stderr", x.Stderr)
}

// whyFacts returns the lines that have a word before them; of what is not known
// there is none.
func whyFacts(x api.Explanation) (facts [][2]string) {
	add := func(word, format string, args ...any) {
		facts = append(facts, [2]string{word, fmt.Sprintf(format, args...)})
	}
	if x.Command != "" {
		add("command", "%s", x.Command)
	}
	if x.WaitsFor != "" {
		add("waits for", "%s", x.WaitsFor)
	}
	if x.NextStart != 0 {
		add("next start", "%s", stampOf(x.NextStart))
	}
	switch {
	case x.Starts > 1:
		add("started", "%d times, %d of them unasked; last at %s", x.Starts, x.Restarts, stampOf(float64(x.Start)))
	case x.Start > 0:
		add("started", "%s", stampOf(float64(x.Start)))
	}
	if e := x.LastExit; e != nil {
		add("last exit", "%s", exitLine(*e))
	}
	return facts
}

// exitLine words an exit; of one that an original tells of, only some is known.
func exitLine(e api.Exit) string {
	line := stampOf(e.Time)
	if e.PID != 0 {
		line += fmt.Sprintf(", pid %d", e.PID)
	}
	if e.Text != "" {
		line += ": " + e.Text
	}
	if e.PID == 0 {
		return line
	}
	expected := "not expected"
	if e.Expected {
		expected = "expected"
	}
	return line + fmt.Sprintf(" after %s, %s", lasted(e.Ran), expected)
}

// printHistory prints transitions in columns.
func (s *session) printHistory(history []api.Transition) {
	from, to := 0, 0
	for _, h := range history {
		from, to = max(from, utf8.RuneCountInString(h.From)), max(to, utf8.RuneCountInString(h.To))
	}
	if len(history) > 0 {
		fmt.Fprintln(s.out, "history")
	}
	for _, h := range history {
		gap := strings.Repeat(" ", max(0, to-utf8.RuneCountInString(h.To)))
		fmt.Fprintf(s.out, "  %s  %-*s -> %s%s  %s\n", time.UnixMilli(int64(h.Time*1000)).Format("2006-01-02 15:04:05.000"),
			from, visible(h.From, ""), s.paint(stateColour(h.To), visible(h.To, "")), gap, visible(h.Reason, ""))
	}
}

// printTail prints the last lines of an output.
func (s *session) printTail(name string, tail api.LogTail) {
	title := name
	if tail.Logfile != "" {
		title += ", " + visible(tail.Logfile, "")
	}
	switch {
	case len(tail.Lines) > 0:
		fmt.Fprintln(s.out, title)
	case tail.Note != "":
		fmt.Fprintf(s.out, "%s: %s\n", title, visible(tail.Note, ""))
	default:
		fmt.Fprintf(s.out, "%s: nothing\n", title)
	}
	for _, line := range tail.Lines {
		io.WriteString(s.out, "  "+visible(string(line), "\t")+"\n")
	}
}

// stampOf shows seconds since 1970.
func stampOf(at float64) string { return time.UnixMilli(int64(at * 1000)).Format(time.DateTime) }

// lasted shows a number of seconds.
func lasted(secs float64) string {
	d := time.Duration(secs * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
