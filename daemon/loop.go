package daemon

import (
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/child"
	"gosupervisor/proc/output"
)

// loop feeds the core until it says that everything is over, and returns what
// it said. It sleeps until there is a message or a deadline, and otherwise
// costs nothing.
func (h *host) loop() core.Leave {
	defer close(h.done)
	defer h.inbox.close()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var control, output []message
	for h.left == nil {
		h.setTimer(timer)
		select {
		case <-h.inbox.wake:
		case <-timer.C:
		}
		// What has happened counts before what is due: a child that is known
		// to be dead must not be declared running first.
		control, output = h.inbox.take(control, output)
		for _, m := range control {
			h.feed(m)
		}
		for _, m := range output {
			h.feed(m)
		}
		if at, ok := h.core.NextDue(); ok && at <= time.Since(h.epoch) {
			h.feed(message{in: core.Due{}})
		}
		h.flush()
		if h.rest.take(time.Since(h.epoch)) {
			h.view.rest()
			h.chores.add(h.attic.tidy)
		} else if len(control)+len(output) > 0 {
			h.rest.stir(time.Since(h.epoch))
		}
	}
	// Clients that still wait hear of the end through h.done.
	return *h.left
}

// setTimer sets the timer to the next deadline, the core's or that of our rest, or stops it.
func (h *host) setTimer(t *time.Timer) {
	at, ok := h.core.NextDue()
	if tidy, wanted := h.rest.due(); wanted && (!ok || tidy < at) {
		at, ok = tidy, true
	}
	if ok {
		t.Reset(max(at-time.Since(h.epoch), 0))
	} else {
		t.Stop()
	}
}

// feed gives one message to the core and performs what it asks for.
func (h *host) feed(m message) {
	if h.left != nil {
		return // what comes now comes too late
	}
	if m.do != nil {
		h.flush()
		m.do()
		return
	}
	switch in := m.in.(type) {
	case core.Request:
		h.calls[in.ID] = m.call
	case core.Follow:
		h.calls[in.ID] = m.call
	case core.More:
		h.calls[in.ID] = m.call
	case core.Cancel:
		delete(h.calls, in.ID)
	}
	now := time.Now()
	effects := h.core.Step(h.instant(now), now, m.in)
	h.view.update(h.core)
	for _, e := range effects {
		h.perform(e)
	}
	if r, ok := m.in.(core.Request); ok {
		h.view.want(h.core, r.Req)
	}
}

// Lines of the log that nothing else comes between are written together, as long as
// they are not more than this.
const linesBound = 32 << 10

// say adds a line to those that are about to be written.
func (h *host) say(e core.Log) {
	h.lines = h.journal.line(h.lines, e.Level, e.Text)
	if len(h.lines) >= linesBound {
		h.flush()
	}
}

// flush writes the lines of the log that are there.
func (h *host) flush() {
	h.journal.write(h.lines)
	h.lines = h.lines[:0]
}

// perform hands an effect to whoever can do it. Nothing here blocks. A line of the log
// is in the file before anything else is done.
func (h *host) perform(e core.Effect) {
	if e, ok := e.(core.Log); ok {
		h.say(e)
		return
	}
	h.flush()
	switch e := e.(type) {
	case core.Spawn:
		s := h.slots[e.Proc]
		r := &running{slot: s}
		h.kids.Spawn(child.Job{
			Key:     child.Key(e.Proc),
			Begin:   func() { h.running[child.Key(e.Proc)] = r },
			Prepare: func() (*child.Spec, error) { return h.prepare(r) },
			Ahead:   !enclosed(s.prog) && s.prog.Socket == nil,
		})
	case core.Signal:
		h.signal(e)
	case core.Check:
		h.kids.Do(func() { h.check(e) })
	case core.Reply:
		h.answer(e.ID, outcome{value: e.Value, fault: e.Fault})
	case core.Perform:
		h.answer(e.ID, h.performIO(e))
	case core.AddProcesses:
		h.addSlots(e)
	case core.RemoveProcesses:
		h.removeSlots(e.Procs)
	case core.SendEvent:
		if err := h.slots[e.Proc].stdin.write(e.Data); err != nil {
			h.inbox.post(message{in: core.SendFailed{Proc: e.Proc, Serial: e.Serial, Full: err == errStdinFull}})
		}
	case core.RunHook:
		h.runHook(e)
	case core.RunCommand:
		h.runCommand(e)
	case core.KillErrand:
		h.killErrand(e)
	case core.LastWords:
		h.lastWords(h.slots[e.Proc], e)
	case core.Hold:
		h.hold(e)
	case core.Print:
		h.stdout.Write(e.Data, output.Urgent)
	case core.TrySockets:
		h.kids.Do(func() { h.trySockets(e) })
	case core.LoadConfig:
		h.loadConfig(e.ID)
	case core.ReopenLogs:
		h.reopenLogs()
	case core.Leave:
		h.left = &e
	}
}

// answer gives a client its answer, if it still waits.
func (h *host) answer(id core.RequestID, o outcome) {
	if c := h.calls[id]; c != nil {
		delete(h.calls, id)
		c.answer <- o
	}
}

// signal sends a signal through the goroutine that also reaps, so that it
// reaches our child or nobody.
func (h *host) signal(e core.Signal) {
	h.kids.SignalThen(child.Key(e.Proc), e.Signal, e.Group, func(err error) {
		if err != nil || e.Request != 0 {
			h.inbox.post(message{in: core.SignalDone{Proc: e.Proc, Request: e.Request, Err: err}})
		}
	})
	h.killAll(e)
}

// check looks whether a program's command could be started. It runs on the
// goroutine of kids, since looking may wait for a disk.
func (h *host) check(e core.Check) {
	files, _ := h.fromFiles(e.Program) // what is wrong with them, the start itself tells
	_, _, err := h.command(e.Program, searched(e.Program, files))
	h.inbox.post(message{in: core.Checked{Job: e.Job, Proc: e.Proc, Err: commandError(err)}})
}

// commandError turns a failed look-up into what the core replies with.
func commandError(err error) *core.CommandError {
	if err == nil {
		return nil
	}
	code := api.NotExecutable
	if notFound(err) {
		code = api.NoFile
	}
	return &core.CommandError{Code: code, Text: err.Error()}
}

// addSlots prepares the outputs of new processes. The files of AUTO logs are
// created where waiting for a disk hurts nobody, and before anything that the
// mailbox of kids gets after this.
func (h *host) addSlots(e core.AddProcesses) {
	var auto []*channel
	for i, id := range e.Procs {
		s := h.newSlot(id, e.Programs[i])
		h.slots[id] = s
		h.followNew(s)
		h.core.NameLogs(id, s.stdout.autoPath(), s.stderr.autoPath())
		for _, c := range s.channels() {
			if c.autoPath() != "" {
				auto = append(auto, c)
			}
		}
	}
	if len(auto) > 0 {
		h.kids.Do(func() { h.createAuto(auto) })
	}
}

// removeSlots forgets processes, and lets go of what their logs held open.
func (h *host) removeSlots(ids []core.ProcID) {
	for _, id := range ids {
		s := h.slots[id]
		delete(h.slots, id)
		h.followGone(id)
		h.chores.add(s.release)
	}
}

// loadConfig reads the configuration again, in a goroutine of its own: for the
// client with that id, or for a restart. It begins when the reading before it
// has been told of, so that the newest one is the last that the core hears of.
func (h *host) loadConfig(id core.RequestID) {
	load := h.load
	if id == 0 {
		load = h.loadForRestart
	}
	before, told := h.lastLoad, make(chan struct{})
	h.lastLoad = told
	go func() {
		defer close(told)
		if before != nil {
			<-before
		}
		cfg, err := load()
		h.inbox.post(message{in: core.Loaded{ID: id, Config: cfg, Err: err}})
	}()
}

// reopenLogs reopens the activity log and the log of every running child.
func (h *host) reopenLogs() {
	h.journal.log(conf.Info, "supervisord logreopen")
	slots := make([]*slot, 0, len(h.slots))
	for _, s := range h.slots {
		slots = append(slots, s)
	}
	h.chores.add(func() {
		if h.journal.file != nil {
			h.reopened("the activity log", h.journal.file.Reopen())
		}
		for _, s := range slots {
			for _, c := range s.channels() {
				if c.file != nil {
					h.reopened("the log of "+s.prog.Name, c.file.Reopen())
				}
			}
		}
	})
}

func (h *host) reopened(what string, err error) {
	if err != nil {
		h.journal.logf(conf.Error, "cannot reopen %s, going on with the old file: %v", what, err)
	}
}
