package core

import (
	"cmp"
	"fmt"
	"sort"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
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
	records := c.Records()
	out := make([]api.ProcessInfo, len(records))
	for i, r := range records {
		out[i] = r.Info(c.now, c.wall)
	}
	return out
}

func (c *Core) info(p *process) api.ProcessInfo { return p.record().Info(c.now, c.wall) }

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
