package core

import (
	"slices"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// tryAndAdd adds a group that a client asked for. If its processes share
// sockets, it is first found out whether these can be created.
func (c *Core) tryAndAdd(id RequestID, gc *conf.Group) {
	if slices.ContainsFunc(gc.Programs, func(p *conf.Program) bool { return p.Socket != nil }) {
		c.emit(TrySockets{ID: id, Group: gc})
		return
	}
	c.add(id, gc)
}

// socketsTried goes on with adding a group. Meanwhile another client may have
// added it, or everything may be about to end.
func (c *Core) socketsTried(in SocketsTried) {
	switch {
	case in.Update:
		c.updateTried(in)
	case c.run != RunRunning:
		c.fault(in.ID, api.ShutdownState, "")
	case c.findGroup(in.Group.Name) != nil:
		c.fault(in.ID, api.AlreadyAdded, in.Group.Name)
	case in.Err != nil:
		c.fault(in.ID, api.Failed, in.Err.Error())
	default:
		c.add(in.ID, in.Group)
	}
}

func (c *Core) add(id RequestID, gc *conf.Group) {
	g := c.addGroup(gc)
	c.reply(id, true)
	c.autostart(g.procs, whyAdded)
}
