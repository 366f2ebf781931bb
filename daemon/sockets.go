package daemon

import (
	"gosupervisor/conf"
	"gosupervisor/daemon/core"
)

// tryAtBoot looks whether the shared sockets of every group can be created,
// while an error still reaches whoever starts us.
func (h *host) tryAtBoot() error {
	for _, g := range h.cfg.Groups {
		if err := h.sockets.Try(g); err != nil {
			return err
		}
	}
	return nil
}

// trySockets looks whether the sockets of a new group can be created. It runs
// on the goroutine of kids, which owns them.
func (h *host) trySockets(e core.TrySockets) {
	h.inbox.post(message{in: core.SocketsTried{ID: e.ID, Group: e.Group, Err: h.sockets.Try(e.Group)}})
}

// holder returns the slot whose child is gone with an input, or never came, if
// it holds a shared socket; otherwise nil.
func (h *host) holder(in core.Input) *slot {
	var id core.ProcID
	switch in := in.(type) {
	case core.SpawnFailed:
		id = in.Proc
	case core.Exited:
		id = in.Proc
	}
	if s := h.slots[id]; s != nil && s.prog.Socket != nil {
		return s
	}
	return nil
}

// letGo gives back the socket of a slot. The log tells of it after the end of
// the process, and before its next start.
func (h *host) letGo(s *slot) {
	if s != nil {
		h.kids.Do(func() { h.sockets.Release(uint64(s.id)) })
	}
}

// holdSocket opens the shared socket of r's program, if there is one.
func (h *host) holdSocket(r *running) (err error) {
	var c *conf.Socket
	if c = r.slot.prog.Socket; c != nil {
		r.socket, err = h.sockets.Hold(uint64(r.slot.id), r.slot.prog.Section, c)
	}
	return err
}
