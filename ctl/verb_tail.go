package ctl

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// tailBytes is how much of a log is shown when no number is given.
const tailBytes = 1600

// tailRequest is what the words after tail and maintail ask for.
type tailRequest struct {
	name    string // of the process; empty for the activity log
	channel api.Channel
	follow  bool
	offset  int64 // negative: from the end
}

// modify reads -f or -N.
func (t *tailRequest) modify(modifier string) bool {
	what := strings.TrimPrefix(modifier, "-")
	if what == modifier {
		return false
	}
	if what == "f" {
		t.follow = true
		return true
	}
	n, err := strconv.ParseInt(what, 10, 64)
	t.offset = -n
	return err == nil
}

// tail shows the end of a log of a process, or follows it.
func (s *session) tail(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	words := strings.Fields(arg)
	switch {
	case len(words) == 0:
		s.misuse("tail", exitGeneric, textTooFew)
		return nil
	case len(words) > 3:
		s.misuse("tail", exitGeneric, textTooMany)
		return nil
	}
	t, complaint := parseTail(words)
	if complaint != "" {
		s.wrongUse(exitGeneric, complaint)
		return nil
	}
	if t.follow {
		return s.follow(ctx, c, t)
	}
	data, err := c.ReadProcessLog(ctx, t.name, t.channel, t.offset, 0)
	var fault *api.Fault
	if errors.As(err, &fault) && fault.Code == api.NoFile && t.offset <= 0 {
		// It may be kept in memory, for those who ask for that.
		if kept, err := c.ProcessEnd(ctx, t.name, t.channel, t.most()); err == nil {
			return s.showLog(t.name, kept, nil)
		}
	}
	return s.showLog(t.name, data, err)
}

// most returns how many bytes are asked for: -0 is all.
func (t tailRequest) most() int64 {
	if t.offset == 0 || t.offset == math.MinInt64 {
		return math.MaxInt64
	}
	return -t.offset
}

// parseTail reads [MODIFIER] NAME [CHANNEL]; it returns what is wrong with it.
func parseTail(words []string) (tailRequest, string) {
	t := tailRequest{channel: api.Stdout, offset: -tailBytes}
	modifier := ""
	if strings.HasPrefix(words[0], "-") {
		modifier, words = words[0], words[1:]
	}
	if len(words) == 0 {
		return t, textTailNeedsName
	}
	t.name = words[0]
	if last := words[len(words)-1]; len(words) > 1 {
		t.channel = api.Channel(strings.ToLower(last))
		if t.channel != api.Stdout && t.channel != api.Stderr {
			return t, fmt.Sprintf(textBadChannel, last)
		}
	}
	if modifier != "" && !t.modify(modifier) {
		return t, fmt.Sprintf(textBadArgument, modifier)
	}
	return t, ""
}

// maintail shows the end of the activity log, or follows it.
func (s *session) maintail(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	words := strings.Fields(arg)
	if len(words) > 1 {
		s.misuse("maintail", exitGeneric, textTooMany)
		return nil
	}
	t := tailRequest{offset: -tailBytes}
	if len(words) == 1 && !t.modify(words[0]) {
		s.wrongUse(exitGeneric, fmt.Sprintf(textBadArgument, words[0]))
		return nil
	}
	if t.follow {
		return s.follow(ctx, c, t)
	}
	data, err := c.ReadLog(ctx, t.offset, 0)
	return s.showLog("supervisord", data, err)
}

// showLog writes log data as it is, and one newline more.
func (s *session) showLog(name string, data []byte, err error) error {
	var fault *api.Fault
	switch {
	case errors.As(err, &fault):
		s.complain(0, problemOf(err), tailOutcomes.line(s.name(name), fault))
		s.fail(exitGeneric)
		return nil
	case err != nil:
		return err
	}
	s.out.Write(append(data, '\n'))
	s.result(api.Bytes(data))
	return nil
}

// follow streams a log until Ctrl-C.
func (s *session) follow(ctx context.Context, c *client.Client, t tailRequest) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s.printf(textPressCtrlC)
	err := stream(ctx, c, t, func(piece []byte) error {
		_, err := s.out.Write(piece)
		s.data(api.Bytes(piece))
		return err
	})
	if ctx.Err() != nil {
		fmt.Fprintln(s.out)
		return nil
	}
	s.streamError(c, t, err)
	return nil
}

func stream(ctx context.Context, c *client.Client, t tailRequest, emit func([]byte) error) error {
	if t.name == "" {
		return c.FollowLog(ctx, emit)
	}
	return c.FollowProcessLog(ctx, t.name, t.channel, emit)
}

// streamError tells why a stream ended; it leaves the exit code alone. A log
// that is not there is told as the web server of the original tells it.
func (s *session) streamError(c *client.Client, t tailRequest, err error) {
	path := "/mainlogtail"
	if t.name != "" {
		path = "/logtail/" + t.name + "/" + string(t.channel)
	}
	var fault *api.Fault
	switch {
	case err == nil:
	case errors.As(err, &fault) && (fault.Code == api.BadName || fault.Code == api.NoFile):
		s.sideComplaint(problemOf(err), textCannotRead, c.URL(), path)
	default:
		s.sideComplaint(problemOf(err), textLost, err)
		s.printHints(err)
	}
}
