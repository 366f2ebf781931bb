package ctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// An original is asked again and again. It does not tell whether a process that
// has EXITED is about to be restarted, so that counts as final after a while.
const (
	pollEvery = 500 * time.Millisecond
	pollFinal = 3 * time.Second
	lateLook  = 2 * time.Second // how long it may take to say what has not come in time
)

// waitGoal is a goal as the line of progress has it.
func waitGoal(g api.Goal) *goal {
	switch g {
	case api.GoalStopped:
		return goalStopped
	case api.GoalExited:
		return &goal{"exited", []string{"EXITED"}}
	case api.GoalFatal:
		return &goal{"fatal", []string{"FATAL"}}
	}
	return goalRunning
}

// wait waits until processes have reached a state.
func (s *session) wait(ctx context.Context, arg string) error {
	names := strings.Fields(arg)
	if len(names) == 0 {
		s.misuse("wait", exitUsage, fmt.Sprintf(textNeedsName, "wait"))
		return nil
	}
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	s.entries()
	target := api.Goal(given(s.flags, "for", string(api.GoalRunning)))
	if wantsAll(names) {
		if names, err = groupsToWaitFor(ctx, c); err != nil || len(names) == 0 {
			return err
		}
	}
	defer s.showProgress(func(ctx context.Context) string {
		all, err := c.Processes(ctx)
		if err != nil {
			return ""
		}
		return waitGoal(target).sketch(all, names)
	})()
	var results []api.WaitResult
	err = s.meanwhile(ctx, func() (err error) {
		if results, err = c.WaitFor(ctx, names, target); isUnknown(err) {
			results, err = pollFor(ctx, c, names, target)
		}
		return err
	})
	var late *lateError
	if errors.As(err, &late) {
		return s.waitedTooLong(ctx, c, names, target, late)
	}
	for _, r := range results {
		s.reportWait(r, target)
	}
	return s.unlessDown(err, textShuttingDown)
}

// groupsToWaitFor returns names that mean every process.
func groupsToWaitFor(ctx context.Context, c *client.Client) (names []string, err error) {
	all, err := c.Processes(ctx)
	for _, p := range all {
		names = append(names, p.Group+":*")
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// reportWait tells how the wait for one process ended.
func (s *session) reportWait(r api.WaitResult, target api.Goal) {
	s.entry(r)
	name := api.Namespec(r.Group, r.Name)
	if r.Group == "" {
		name = r.Name // as it was given
	}
	why := r.StateName
	if r.Reason != "" {
		why += ": " + r.Reason
	}
	switch {
	case r.Status == api.Success:
		s.printf("%s: %s", s.name(name), target)
		return
	case r.Status == codeTimeout:
		s.printf("%s: ERROR (%s; it is %s)", s.name(name), r.Description, s.name(why))
		s.fail(exitTimeout)
		return
	case r.Status == api.BadName && r.StateName == "":
		s.printf("%s: %s", s.name(name), textNoSuchProcess)
	case r.Status == api.BadName:
		s.printf("%s: ERROR (it was removed)", s.name(name))
	default:
		s.printf("%s: ERROR (%s; it %s)", s.name(name), s.name(why), target.OutOfReach())
	}
	s.fail(exitGeneric)
}

// waitedTooLong says where each of the processes is when there was no time left.
func (s *session) waitedTooLong(ctx context.Context, c *client.Client, names []string, target api.Goal, late *lateError) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateLook)
	defer cancel()
	all, err := c.Processes(ctx)
	if err != nil {
		return late
	}
	p := newPoll(names, target)
	p.look(time.Time{}, all)
	timedOut := false
	for _, r := range p.results {
		if r.Status == 0 {
			timedOut = true
			r.Status, r.Description = codeTimeout, fmt.Sprintf("timed out after %v", late.time)
		}
		s.reportWait(r, target)
	}
	if timedOut { // whatever else is wrong
		s.fail(exitTimeout)
	}
	return nil
}

// pollFor does for an original what our own server does by itself.
func pollFor(ctx context.Context, c *client.Client, names []string, target api.Goal) ([]api.WaitResult, error) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for p := newPoll(names, target); ; {
		all, err := c.Processes(ctx)
		if err != nil {
			return nil, err
		}
		if p.look(time.Now(), all) {
			return p.results, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// poll is a wait by asking again and again.
type poll struct {
	names   []string
	target  api.Goal
	results []api.WaitResult // Status 0: still open
	exited  []time.Time      // since when each of them is EXITED; zero: it is not
}

func newPoll(names []string, target api.Goal) *poll { return &poll{names: names, target: target} }

// look takes what a server says of its processes, and tells whether the wait is
// over. The first look decides which processes the names mean.
func (p *poll) look(now time.Time, all []api.ProcessInfo) (over bool) {
	if p.results == nil {
		p.begin(all)
	}
	over = true
	for i := range p.results {
		r := &p.results[i]
		if r.Status != 0 {
			continue
		}
		at := slices.IndexFunc(all, func(info api.ProcessInfo) bool { return info.Group == r.Group && info.Name == r.Name })
		if at < 0 {
			r.Status, r.Description = api.BadName, api.NewFault(api.BadName, api.Namespec(r.Group, r.Name)+" was removed").Text()
			continue
		}
		p.judge(i, all[at], now)
		over = over && r.Status != 0
	}
	return over
}

// begin makes a result for each process, and for each name that means none.
func (p *poll) begin(all []api.ProcessInfo) {
	p.results = []api.WaitResult{}
	seen := map[string]bool{}
	for _, name := range p.names {
		found := false
		for _, info := range all {
			if !meant(info, []string{name}) {
				continue
			}
			if found = true; !seen[info.Group+":"+info.Name] {
				seen[info.Group+":"+info.Name] = true
				p.results = append(p.results, api.WaitResult{Name: info.Name, Group: info.Group})
			}
		}
		if !found {
			f := api.NewFault(api.BadName, name)
			p.results = append(p.results, api.WaitResult{Name: name, Status: f.Code, Description: f.Text()})
		}
	}
	p.exited = make([]time.Time, len(p.results))
}

// judge decides about one process.
func (p *poll) judge(i int, info api.ProcessInfo, now time.Time) {
	r := &p.results[i]
	r.StateName, r.Reason = info.StateName, info.SpawnErr
	if info.StateName != "EXITED" {
		p.exited[i] = time.Time{}
	} else if p.exited[i].IsZero() {
		p.exited[i] = now
	}
	final := info.StateName == "EXITED" && now.Sub(p.exited[i]) >= pollFinal
	there := map[api.Goal]bool{
		api.GoalRunning: info.StateName == "RUNNING", api.GoalExited: info.StateName == "EXITED", api.GoalFatal: info.StateName == "FATAL",
		api.GoalStopped: info.StateName == "STOPPED" || info.StateName == "FATAL" || final,
	}
	switch {
	case there[p.target]:
		r.Status, r.Description = api.Success, "OK"
	case final || info.StateName == "FATAL" || info.StateName == "UNKNOWN":
		r.Status = api.AbnormalTermination
		r.Description = api.NewFault(r.Status, fmt.Sprintf("%s is %s and %s", info.Namespec(), info.StateName, p.target.OutOfReach())).Text()
	}
}
