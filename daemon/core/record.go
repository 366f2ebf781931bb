package core

import (
	"cmp"
	"fmt"
	"sort"
	"strconv"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// Record is what is told of a process, as it was after a step. Nothing changes in
// it any more, so that it may be read while the core goes on.
type Record struct {
	Proc  ProcID
	conf  *conf.Program
	group string

	state      proc.State
	pid        int
	began      int64
	up         proc.Instant
	ended      int64
	spawnErr   string
	exitStatus int
	logs       [2]string
}

func (p *process) record() *Record {
	return &Record{
		Proc: p.id, conf: p.conf, group: p.group.conf.Name, state: p.m.State, pid: p.m.PID,
		began: p.began, up: p.up, ended: p.ended, spawnErr: p.spawnErr, exitStatus: p.exitStatus, logs: p.logs,
	}
}

// Name returns the names of the process and of its group.
func (r *Record) Name() (group, process string) { return r.group, r.conf.Name }

// Info describes the process at a moment.
func (r *Record) Info(now proc.Instant, wall time.Time) api.ProcessInfo {
	stdout := logPath(r.conf.Stdout, r.logs[0])
	return api.ProcessInfo{
		Name: r.conf.Name, Group: r.group,
		Start: r.began, Stop: r.ended, Now: wall.Unix(),
		State: int(r.state), StateName: r.state.String(),
		SpawnErr: r.spawnErr, ExitStatus: r.exitStatus,
		Logfile: stdout, StdoutLogfile: stdout, StderrLogfile: logPath(r.conf.Stderr, r.logs[1]),
		PID: r.pid, Description: r.describe(now, wall),
	}
}

func logPath(o conf.Output, auto string) string {
	if o.Auto {
		return auto
	}
	return o.Logfile
}

// describe says about a process what its state does not.
func (r *Record) describe(now proc.Instant, wall time.Time) string {
	switch r.state {
	case proc.Running:
		b := append(make([]byte, 0, 48), "pid "...)
		b = strconv.AppendInt(b, int64(r.pid), 10)
		return string(appendUptime(append(b, ", uptime "...), now-r.up))
	case proc.Fatal, proc.Backoff:
		if r.spawnErr == "" {
			return fmt.Sprintf("unknown error (try \"tail %s\")", r.conf.Name)
		}
		return r.spawnErr
	case proc.Stopped, proc.Exited:
		if r.ended == 0 {
			return "Not started"
		}
		return time.Unix(r.ended, 0).In(wall.Location()).Format("Jan 02 03:04 PM")
	}
	return ""
}

// appendUptime writes a duration as 0:00:38, or 2 days, 1:02:03.
func appendUptime(b []byte, d time.Duration) []byte {
	s := max(int64(d/time.Second), 0)
	switch days := s / 86400; days {
	case 0:
	case 1:
		b = append(b, "1 day, "...)
	default:
		b = append(strconv.AppendInt(b, days, 10), " days, "...)
	}
	b = strconv.AppendInt(b, s/3600%24, 10)
	for _, sixty := range [...]int64{s / 60 % 60, s % 60} {
		b = append(b, ':', '0'+byte(sixty/10), '0'+byte(sixty%10))
	}
	return b
}

// Records describes every process, by group and then by name.
func (c *Core) Records() []*Record {
	out := make([]*Record, 0, len(c.procs))
	for _, g := range c.groups {
		for _, p := range g.procs {
			out = append(out, p.record())
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.conf.Name, b.conf.Name)) < 0
	})
	return out
}

// Changes is what has become of the records.
type Changes struct {
	Records []*Record // of processes, instead of those before
	Others  bool      // there are other processes, or none are told of any more
}

// Changes returns what has changed since the last call. If nobody wants to know it
// costs next to nothing.
func (c *Core) Changes(wanted bool) (out Changes) {
	if wanted {
		out.Others = c.others || c.run != RunRunning
	}
	for i, p := range c.changed {
		p.changed = false
		if wanted && !out.Others {
			out.Records = append(out.Records, p.record())
		}
		c.changed[i] = nil
	}
	c.changed, c.others = c.changed[:0], false
	return out
}

// Tells tells whether processes are told of: not when a shutdown has begun.
func (c *Core) Tells() bool { return c.run == RunRunning }

// Size returns how many processes there are.
func (c *Core) Size() int { return len(c.procs) }

// touch notes that what is told of a process may have changed.
func (c *Core) touch(p *process) {
	if !p.changed {
		p.changed = true
		c.changed = append(c.changed, p)
	}
}
