package daemon

import (
	"fmt"
	"syscall"

	"gosupervisor/conf"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/cgroup"
	"gosupervisor/proc/child"
)

// All of this runs on the goroutine of kids: the files of control groups may block.

// enclose has a child be born in a control group of its own, if its program asks for
// one, in so many words or by a limit. Where that cannot be, it does without: the
// child tells of limits, and refuses to run if they are strict.
func (h *host) enclose(r *running, spec *child.Spec) {
	p := r.slot.prog
	if !enclosed(p) {
		return
	}
	controls := p.Limits.Controls()
	want := cgroup.Want{Group: p.Group, Process: p.Name, Kept: !p.KillCgroup}
	for _, c := range controls {
		want.Controllers = append(want.Controllers, c.Controller)
	}
	before := h.cgroups.Moved()
	g, err := h.cgroups.Make(want)
	if leaf := h.cgroups.Moved(); leaf != before {
		h.journal.logf(conf.Info, "supervisord and its processes have moved to the cgroup %s, so that programs can have limits beside it", leaf)
	}
	spec.Uncontrolled = map[string]string{}
	if err == nil {
		r.group = g
		if spec.Cgroup, err = g.Open(); err == nil {
			spec.Close = append(spec.Close, spec.Cgroup)
			spec.Enter = !g.Fresh
		}
		for name, why := range g.Missing {
			spec.Uncontrolled[name] = why.Error()
		}
	}
	if err != nil {
		for _, name := range want.Controllers {
			spec.Uncontrolled[name] = err.Error()
		}
		h.unenclosed(r, err.Error())
	}
}

// enclosed tells whether the children of a program are to have control groups of their own.
func enclosed(p *conf.Program) bool { return p.KillCgroup || p.Limits.Controls() != nil }

// unenclosed tells once why there are no control groups. Programs that were to be
// found by theirs are treated as with kill_scope=tree.
func (h *host) unenclosed(r *running, why string) {
	r.loose = true
	if !r.slot.prog.KillCgroup || h.noGroups == why {
		return
	}
	h.noGroups = why
	h.journal.logf(conf.Warn, "kill_scope=cgroup of %s works as kill_scope=tree: %s", r.slot.prog.Name, why)
}

// clear kills whatever a program has left behind, if it is to. With a control group
// that is certain to be all of it.
func (h *host) clear(r *running) {
	p := r.slot.prog
	if p.KillCgroup && r.group != nil && !r.loose {
		killed, err := r.group.Kill()
		if err == nil {
			h.killedLeftovers(r, killed)
			return
		}
		h.journal.logf(conf.Warn, "cannot kill the cgroup of %s, going on as with kill_scope=tree: %v", p.Name, err)
	}
	if p.KillTree {
		h.killTree(r)
	}
}

// release gives the control group of a child back that is gone or never was. It
// returns what the kernel did to the child for want of memory, to be said of its end.
func (r *running) release(h *host, ws syscall.WaitStatus) (died string) {
	if r.group == nil {
		return ""
	}
	defer r.group.Remove()
	n := r.group.OOMKills()
	if n == 0 {
		return ""
	}
	p := r.slot.prog
	text := fmt.Sprintf("the kernel has killed %d of its processes for want of memory", n)
	for _, c := range p.Limits.Controls() {
		if c.Controller == "memory" {
			text += fmt.Sprintf(", with %s=%s", c.Key, c.Value)
		}
	}
	if ws.Signaled() && ws.Signal() == syscall.SIGKILL {
		return ": " + text
	}
	h.journal.logf(conf.Warn, "%s: %s", p.Name, text)
	return ""
}

// killAll ends a program that has been asked for long enough, also what is not in its
// process group, and also if the process itself cannot die yet.
func (h *host) killAll(e core.Signal) {
	if e.Signal != syscall.SIGKILL || !e.Group {
		return
	}
	h.kids.Do(func() {
		r := h.running[child.Key(e.Proc)]
		if r == nil || !r.slot.prog.KillCgroup || r.group == nil || r.loose {
			return
		}
		if _, err := r.group.Kill(); err != nil {
			h.journal.logf(conf.Warn, "cannot kill the cgroup of %s: %v", r.slot.prog.Name, err)
		}
	})
}
