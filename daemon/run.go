package daemon

import (
	"context"
	"os"
	"sync"

	"gosupervisor/daemon/core"
	"gosupervisor/daemon/serve"
)

// run runs the loop and everything around it, and returns how it ended. When it returns, no child is left but one that could not be
// signalled, and no goroutine of its own but one that hangs on a dead disk.
func (h *host) run(signals <-chan os.Signal, servers []*serve.Server) core.Leave {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	// What came while we booted goes first: asked to leave by now, we start
	// nothing any more. Clients come after it, so that none sees us half begun.
	h.takeSignals(signals)
	h.inbox.post(message{in: core.Boot{}})
	all.Go(func() { h.passSignals(signals) })
	h.servers = servers
	for _, s := range servers {
		all.Go(s.Serve)
	}
	if h.cfg.Metrics.Textfile != "" {
		f := &textfile{h: h, conf: h.cfg.Metrics}
		all.Go(func() { f.keep(ctx) })
	}
	// Kids come last: when the loop has asked them for the first programs and waits, this
	// thread goes on with them, while another one, which naps before it takes what is new,
	// takes the rest. That is a tenth of a start with one program.
	all.Go(func() { h.kids.Run(ctx) })
	leave := h.loop()
	shutdown(servers)
	h.endQuestions()
	cancel()
	all.Wait()
	h.sockets.Close()
	for _, s := range h.slots {
		h.chores.add(s.release)
	}
	h.chores.finish(partingTime)
	return leave
}
