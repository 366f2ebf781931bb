package core

import (
	"cmp"
	"fmt"
	"sort"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

func badExit(code int) string { return fmt.Sprintf("Bad exit code %d", code) }

func (c *Core) getProcessInfo(id RequestID, name string) {
	if p := c.findProcess(name); p != nil {
		c.reply(id, c.info(p))
	} else {
		c.fault(id, api.BadName, name)
	}
}

// allProcessInfo describes every process, by group and then by name.
func (c *Core) allProcessInfo() []api.ProcessInfo {
	out := make([]api.ProcessInfo, 0, len(c.procs))
	for _, g := range c.groups {
		for _, p := range g.procs {
			out = append(out, c.info(p))
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name)) < 0
	})
	return out
}

func (c *Core) info(p *process) api.ProcessInfo {
	stdout := logPath(p.conf.Stdout, p.logs[0])
	return api.ProcessInfo{
		Name: p.conf.Name, Group: p.group.conf.Name,
		Start: p.began, Stop: p.ended, Now: c.wall.Unix(),
		State: int(p.m.State), StateName: p.m.State.String(),
		SpawnErr: p.spawnErr, ExitStatus: p.exitStatus,
		Logfile: stdout, StdoutLogfile: stdout, StderrLogfile: logPath(p.conf.Stderr, p.logs[1]),
		PID: p.m.PID, Description: c.describe(p),
	}
}

// allUsage returns what the core knows of what processes take of the machine;
// the rest is for the kernel to tell.
func (c *Core) allUsage() []api.ProcessUsage {
	out := make([]api.ProcessUsage, 0, len(c.procs))
	for _, g := range c.groups {
		for _, p := range g.procs {
			u := api.ProcessUsage{
				Name: p.conf.Name, Group: p.group.conf.Name, State: int(p.m.State), StateName: p.m.State.String(),
				PID: p.m.PID, Start: p.began, Starts: int(p.history.starts), Restarts: int(p.history.restarts),
			}
			if p.m.PID != 0 {
				u.Uptime = (c.now - p.up).Seconds()
			}
			out = append(out, u)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name)) < 0
	})
	return out
}

func logPath(o conf.Output, auto string) string {
	if o.Auto {
		return auto
	}
	return o.Logfile
}

// describe says about a process what its state does not.
func (c *Core) describe(p *process) string {
	switch p.m.State {
	case proc.Running:
		return fmt.Sprintf("pid %d, uptime %s", p.m.PID, uptime(c.now-p.up))
	case proc.Fatal, proc.Backoff:
		if p.spawnErr == "" {
			return fmt.Sprintf("unknown error (try \"tail %s\")", p.conf.Name)
		}
		return p.spawnErr
	case proc.Stopped, proc.Exited:
		if p.ended == 0 {
			return "Not started"
		}
		return time.Unix(p.ended, 0).In(c.wall.Location()).Format("Jan 02 03:04 PM")
	}
	return ""
}

// uptime writes a duration as 0:00:38, or 2 days, 1:02:03.
func uptime(d time.Duration) string {
	s := max(int64(d/time.Second), 0)
	clock := fmt.Sprintf("%d:%02d:%02d", s/3600%24, s/60%60, s%60)
	switch days := s / 86400; days {
	case 0:
		return clock
	case 1:
		return "1 day, " + clock
	default:
		return fmt.Sprintf("%d days, %s", days, clock)
	}
}

// allConfigInfo describes every process of the configuration last read, by
// process name.
func (c *Core) allConfigInfo() []api.ConfigInfo {
	out := []api.ConfigInfo{}
	for _, g := range c.config.Groups {
		inUse := c.findGroup(g.Name) != nil
		for _, p := range g.Programs {
			out = append(out, configInfo(g, p, inUse))
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func configInfo(g *conf.Group, p *conf.Program, inUse bool) api.ConfigInfo {
	info := api.ConfigInfo{
		Autostart: p.Autostart, Autorestart: any(p.Autorestart == conf.RestartAlways),
		Directory: orNone(p.Directory), UID: "none", Command: p.Command, ExitCodes: p.ExitCodes,
		Group: g.Name, GroupPrio: g.Priority, InUse: inUse, KillAsGroup: p.KillAsGroup,
		Name: p.Name, ProcessPrio: p.Priority, RedirectStderr: p.RedirectStderr,
		StartRetries: p.StartRetries, StartSecs: p.StartSecs,
		StdoutCaptureMaxBytes: p.Stdout.CaptureMaxBytes, StdoutEventsEnabled: p.Stdout.Events,
		StdoutLogfile: shownLog(p.Stdout), StdoutLogfileBackups: p.Stdout.Backups,
		StdoutLogfileMaxBytes: p.Stdout.MaxBytes, StdoutSyslog: p.Stdout.Syslog,
		StopSignal: int(p.StopSignal), StopWaitSecs: p.StopWaitSecs,
		StderrCaptureMaxBytes: p.Stderr.CaptureMaxBytes, StderrEventsEnabled: p.Stderr.Events,
		StderrLogfile: shownLog(p.Stderr), StderrLogfileBackups: p.Stderr.Backups,
		StderrLogfileMaxBytes: p.Stderr.MaxBytes, StderrSyslog: p.Stderr.Syslog,
		ServerURL: orNone(p.ServerURL),
	}
	if p.Autorestart == conf.RestartUnexpected {
		info.Autorestart = string(conf.RestartUnexpected)
	}
	if p.User != nil && p.User.UID >= 0 {
		info.UID = p.User.UID
	}
	if info.ExitCodes == nil {
		info.ExitCodes = []int{}
	}
	return info
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// shownLog names a log as the configuration does.
func shownLog(o conf.Output) string {
	if o.Auto {
		return "auto"
	}
	return orNone(o.Logfile)
}
