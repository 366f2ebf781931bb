package daemon

import "gosupervisor/daemon/core"

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

// trySockets looks whether the sockets of new processes can be created. It runs
// on the goroutine of kids, which owns them.
func (h *host) trySockets(e core.TrySockets) {
	h.inbox.post(message{in: core.SocketsTried{ID: e.ID, Group: e.Group, Update: e.Update, Err: h.sockets.Try(e.Group)}})
}

// holdSocket opens the shared socket of r's program, if it has one. Whoever
// hears of the end of the child, or of none, releases it.
func (h *host) holdSocket(r *running) (err error) {
	p := r.slot.prog
	if p.Socket != nil {
		r.socket, err = h.sockets.Hold(uint64(r.slot.id), p.Section, p.Socket)
	}
	return err
}
