package core

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// fuzzConfigs are the configurations between which a world changes: groups of
// one and of many, every policy, listeners, and the same names with other
// contents.
var fuzzTexts = []string{
	`[supervisord]
[program:always]
command=/bin/x
autorestart=true
startsecs=0
[program:retry]
command=/bin/x
startretries=1
startsecs=2
stopwaitsecs=1
stop_command=/bin/x
priority=5
[program:lazy]
command=/bin/x
autostart=false
stopwaitsecs=0
stdout_events_enabled=true
[program:a]
command=/bin/x
stopasgroup=true
stop_command=/bin/x
reload_command=/bin/x
reload_timeout=2
stderr_events_enabled=true
stdout_events_enabled=true
[program:b]
command=/bin/x
exitcodes=1
priority=3
[group:g]
programs=a,b
priority=7
[eventlistener:ear]
command=/bin/x
events=PROCESS_STATE,TICK_5,PROCESS_GROUP,PROCESS_LOG
buffer_size=3
buffer_policy=block
startsecs=0
stderr_events_enabled=true
[hook:h]
command=/bin/x
events=PROCESS_STATE
buffer_size=2
timeout=3
[hook:g]
command=/bin/x
events=EVENT
parallel=2
timeout=0
`, `[supervisord]
[program:always]
command=/bin/x
autorestart=false
[program:a]
command=/bin/x
startsecs=0
numprocs=2
process_name=%(process_num)d
[fcgi-program:lazy]
command=/bin/x
socket=tcp://localhost:9000
[hook:h]
command=/bin/x
events=PROCESS_GROUP,TICK_5
programs=a,retry:*
parallel=2
[program:retry]
command=/bin/x
startretries=1
startsecs=2
stopwaitsecs=1
priority=5
`, `[supervisord]
update_mode=group
[program:always]
command=/bin/x
autorestart=true
startsecs=0
environment=A=1
[program:a]
command=/bin/y
[program:b]
command=/bin/x
exitcodes=1
priority=3
[program:c]
command=/bin/x
startsecs=0
stop_command=/bin/x
stop_sequence=INT:1 QUIT:2
reload_command=/bin/x
reload_timeout=0
[group:g]
programs=c,b,a
priority=2
[eventlistener:ear]
command=/bin/x
events=PROCESS_STATE,TICK_60
buffer_size=1
startsecs=0
numprocs=2
process_name=%(process_num)d
[program:fate]
command=/bin/x
startretries=1
autorestart=unexpected
on_fatal=shutdown_when_all
on_exit=shutdown_on_failure
exitcodes=0,3
[fcgi-program:lazy]
command=/bin/y
socket=tcp://localhost:9000
numprocs=2
process_name=%(process_num)d
`, `[supervisord]
[program:ear]
command=/bin/x
[program:a]
command=/bin/x
stopasgroup=true
[program:c]
command=/bin/z
startsecs=0
[group:g]
programs=a,c
priority=7
[eventlistener:lazy]
command=/bin/x
events=EVENT
[eventlistener:retry]
command=/bin/x
events=TICK_5
buffer_size=2
buffer_policy=grow:3
`,
}

func fuzzConfigs(t testing.TB) []*conf.Config {
	t.Helper()
	var out []*conf.Config
	for _, text := range fuzzTexts {
		cfg, err := loadText(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, cfg)
	}
	return out
}

// fuzzNames are what requests are about: processes, groups, and nothing.
var fuzzNames = []string{"always", "retry", "lazy", "g:a", "g:b", "g:c", "g:*", "g", "ear", "ear:1", "a:0", "a:*", "a", "nosuch", "", ":", "retry:", "hook:h", "hook:g", "hook:"}

var fuzzSignals = []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR2, syscall.SIGINT}

// source is the stream of decisions.
type source struct{ data []byte }

func (s *source) next(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

// slot chooses a slot for which ok holds, nil if there is none.
func (w *world) slot(s *source, ok func(*kid) bool) (ProcID, *kid) {
	from := s.next(64)
	for i := range w.order {
		id := w.order[(from+i)%len(w.order)]
		if ok(w.kids[id]) {
			return id, w.kids[id]
		}
	}
	return 0, nil
}

// act lets one thing happen.
func (w *world) act(s *source) {
	w.t.Helper()
	switch s.next(14) {
	case 0, 1:
		w.fork(s, s.next(4) > 0)
	case 2, 3:
		w.reap(s)
	case 4, 5:
		w.exit(s)
	case 6:
		w.pass(s)
	case 7, 8, 9:
		w.ask(s)
	case 10:
		w.answer(s)
	case 11:
		w.meddle(s)
	case 12:
		w.watch(s)
	case 13:
		w.write(s)
	}
}

// write lets a child say something.
func (w *world) write(s *source) {
	if id, k := w.slot(s, func(k *kid) bool { return k.pid != 0 }); k != nil {
		if k.unsure && !k.reaped {
			k.unsure = false
			w.give(Executed{Proc: id})
			return
		}
		channel := []api.Channel{api.Stdout, api.Stderr}[s.next(2)]
		w.give(Wrote{Proc: id, Channel: channel, Message: s.next(4) == 0, Data: []byte("a line")})
	}
}

// fork answers a spawn.
func (w *world) fork(s *source, works bool) {
	id, k := w.slot(s, func(k *kid) bool { return k.forking })
	if k == nil {
		return
	}
	k.forking, k.doomed = false, false
	if !works {
		w.give(SpawnFailed{Proc: id, Text: "no luck"})
		return
	}
	w.lastPID++
	k.pid = w.lastPID
	k.unsure = s.next(4) == 3
	w.give(Spawned{Proc: id, PID: k.pid, Unsure: k.unsure})
}

func (w *world) reap(s *source) {
	if id, k := w.slot(s, func(k *kid) bool { return k.pid != 0 && !k.reaped }); k != nil {
		k.reaped = true
		w.give(Reaped{Proc: id})
	}
}

func (w *world) exit(s *source) {
	id, k := w.slot(s, func(k *kid) bool { return k.reaped })
	if k == nil {
		return
	}
	refused := ""
	if k.unsure {
		refused = []string{"", "not allowed"}[s.next(2)]
	}
	*k = kid{}
	ago := time.Duration(s.next(4)) * 300 * time.Millisecond
	code := s.next(4) - 1
	w.give(Exited{Proc: id, At: w.now - ago, Wall: birth.Add(w.now - ago), Code: code, Text: fmt.Sprintf("exit status %d", code), Refused: refused})
}

// pass lets time go by: to the next deadline, or not quite, or beyond.
func (w *world) pass(s *source) {
	at, ok := w.core.NextDue()
	switch s.next(4) {
	case 0:
		w.now += time.Duration(s.next(256)) * time.Millisecond
	case 1:
		w.now += time.Duration(s.next(256)) * 100 * time.Millisecond
	default:
		if ok {
			w.now = at
		}
	}
	w.give(Due{})
}

// ask makes a request.
func (w *world) ask(s *source) {
	name, wait := fuzzNames[s.next(len(fuzzNames))], s.next(2) == 0
	signal := []string{"HUP", "nosuch", "0"}[s.next(3)]
	goal := api.Goals[s.next(len(api.Goals))]
	requests := []api.Request{
		api.StartProcess{Name: name, Wait: wait}, api.StartProcess{Name: name, Wait: wait},
		api.StopProcess{Name: name, Wait: wait}, api.StopProcess{Name: name, Wait: wait},
		api.StartProcessGroup{Name: name, Wait: wait}, api.StopProcessGroup{Name: name, Wait: wait},
		api.StartAllProcesses{Wait: wait}, api.StopAllProcesses{Wait: wait},
		api.SignalProcess{Name: name, Signal: signal}, api.SignalProcessGroup{Name: name, Signal: signal},
		api.SignalAllProcesses{Signal: signal}, api.ReloadConfig{},
		api.AddProcessGroup{Name: name}, api.RemoveProcessGroup{Name: name}, api.RemoveProcessGroup{Name: name},
		api.UpdateGroup{Name: name}, api.UpdateGroup{Name: name}, api.UpdateGroup{Name: name}, api.ConfigChanges{},
		api.GetProcessInfo{Name: name}, api.GetAllProcessInfo{}, api.GetAllConfigInfo{}, api.GetState{}, api.GetReadiness{},
		api.SendProcessStdin{Name: name, Chars: "x"}, api.SendRemoteCommEvent{Type: "t", Data: "d"},
		api.ReadProcessLog{Name: name}, api.FollowLogs{Names: []string{name}}, api.ClearAllProcessLogs{}, api.ReadLog{}, api.Restart{},
		api.ExplainProcess{Name: name}, api.GetAllProcessUsage{}, api.GetMetrics{},
		api.WaitProcess{Names: []string{name}, Goal: goal}, api.WaitProcess{Names: []string{"g:*", "a:*", "ear:*"}, Goal: goal},
		api.WaitProcess{Names: []string{name, "g:*", "always"}, Goal: goal}, api.WaitProcess{Goal: goal},
		api.ReloadProcess{Name: name}, api.ReloadProcess{Name: "g:*"},
	}
	w.lastReq++
	w.open[w.lastReq] = true
	w.give(Request{ID: w.lastReq, Req: requests[s.next(len(requests))]})
}

// answer answers one of what the daemon was asked to look up or do.
func (w *world) answer(s *source) {
	switch s.next(4) {
	case 0:
		if len(w.checks) > 0 {
			c := w.checks[0]
			w.checks = w.checks[1:]
			in := Checked{Job: c.Job, Proc: c.Proc}
			if s.next(4) == 0 {
				in.Err = &CommandError{Code: api.NoFile, Text: "can't find command"}
			}
			w.give(in)
		}
	case 1:
		if len(w.loads) > 0 {
			in := Loaded{ID: w.loads[0]}
			w.loads = w.loads[1:]
			if i := s.next(len(w.configs) + 1); i < len(w.configs) {
				in.Config = w.configs[i]
			} else {
				in.Err = errors.New("it is broken")
			}
			w.give(in)
		}
	case 2:
		if len(w.signals) > 0 {
			e := w.signals[0]
			w.signals = w.signals[1:]
			in := SignalDone{Proc: e.Proc, Request: e.Request}
			if s.next(4) == 0 {
				in.Err = syscall.EPERM
			}
			w.give(in)
		}
	case 3:
		if len(w.tries) > 0 {
			in := SocketsTried{ID: w.tries[0].ID, Group: w.tries[0].Group, Update: w.tries[0].Update}
			w.tries = w.tries[1:]
			if s.next(4) == 0 {
				in.Err = errors.New("the socket is taken")
			}
			w.give(in)
		}
	}
}

// meddle is what comes from outside, and what seldom happens.
func (w *world) meddle(s *source) {
	switch s.next(8) {
	case 0:
		if s.next(8) == 0 {
			w.give(OSSignal{Signal: fuzzSignals[s.next(len(fuzzSignals))]})
		}
	case 1:
		if w.lastReq > 0 {
			id := 1 + RequestID(s.next(int(w.lastReq)))
			if w.open[id] {
				delete(w.open, id)
				w.canceled[id] = true
			}
			w.give(Cancel{ID: id})
		}
	case 2:
		if id, k := w.slot(s, func(k *kid) bool { return k.doomed && !k.reaped }); k != nil {
			k.doomed = false
			w.give(SignalDone{Proc: id, Err: syscall.EPERM})
		}
	case 3, 4:
		if id, k := w.slot(s, func(k *kid) bool { return k.pid != 0 && !k.reaped }); k != nil {
			say := []string{"READY\n", "RESULT 2\nOK", "RESULT 4\nFAIL", "RESULT 2\nOKREADY\n", "x"}
			w.give(Heard{Proc: id, Data: []byte(say[s.next(len(say))])})
		}
	case 5:
		if id, k := w.slot(s, func(k *kid) bool { return k.pid != 0 }); k != nil {
			w.give(SendFailed{Proc: id, Serial: w.core.Serial() - uint64(s.next(3))})
		}
	case 6:
		if errands := sortedErrands(w.core.errands); len(errands) > 0 {
			w.give(ErrandStarted{Errand: errands[s.next(len(errands))], PID: 1})
		}
	case 7:
		w.endErrand(s)
	}
}

// endErrand lets the command of a hook or of a process end, or not be found.
func (w *world) endErrand(s *source) bool {
	errands := sortedErrands(w.core.errands)
	if len(errands) == 0 {
		return false
	}
	in := ErrandEnded{Errand: errands[s.next(len(errands))], Code: s.next(3) - 1, Output: []byte("a line\n\x1b")[:s.next(8)], More: s.next(2), Gone: s.next(8) == 0}
	if s.next(4) == 3 {
		in.Failure = "can't find command"
	}
	delete(w.errands, in.Errand)
	w.give(in)
	return true
}

// settle has the world cooperate: everything asked for is answered, and what is
// to die dies, until nothing has been left to do for longer than any deadline.
func (w *world) settle() {
	w.t.Helper()
	none, idle := &source{}, 0
	for until := w.now + time.Minute; w.left == 0; {
		if len(w.checks)+len(w.loads)+len(w.signals)+len(w.tries) > 0 {
			for what := range byte(4) {
				w.answer(&source{[]byte{what, 1}})
			}
			continue
		}
		if _, k := w.slot(none, func(k *kid) bool { return k.forking }); k != nil {
			w.fork(none, true)
			continue
		}
		if id, k := w.slot(none, func(k *kid) bool { return k.unsure && !k.reaped }); k != nil {
			k.unsure = false
			w.give(Executed{Proc: id})
			continue
		}
		if _, k := w.slot(none, func(k *kid) bool { return k.reaped }); k != nil {
			w.exit(none)
			continue
		}
		if id, k := w.slot(none, func(k *kid) bool { return k.doomed && !k.reaped }); k != nil {
			k.reaped = true
			w.give(Reaped{Proc: id})
			continue
		}
		if w.endErrand(none) {
			continue
		}
		at, ok := w.core.NextDue()
		if !ok || at > until {
			return
		}
		if at == w.now {
			idle++
		} else {
			idle = 0
		}
		if idle > 10 {
			w.fail("a deadline comes again and again: %v", at)
		}
		w.now = at
		w.give(Due{})
	}
}

// checkForgotten checks that the supervisor, with nothing left to do, keeps
// nothing of what it did.
func (w *world) checkForgotten() {
	w.t.Helper()
	c, slots := w.core, 0
	for _, g := range c.groups {
		slots += len(g.procs)
	}
	if len(c.procs) != slots {
		w.fail("%d processes in %d slots", len(c.procs), slots)
	}
	if w.left == 0 && len(c.jobs)+len(c.signals)+len(c.updates)+len(c.held)+c.forks > 0 {
		w.fail("%d jobs, %d signal requests, %d updates, %d held starts and %d forks are left over",
			len(c.jobs), len(c.signals), len(c.updates), len(c.held), c.forks)
	}
	if w.left == 0 && len(c.errands) > 0 {
		w.fail("%d errands run for ever", len(c.errands))
	}
	for _, k := range c.hooks {
		if k.running != 0 || len(k.queue) > 0 {
			w.fail("hook %s: %d run and %d events wait, and nothing happens", k.conf.Name, k.running, len(k.queue))
		}
	}
	for _, p := range c.procs {
		if p.leaving && w.left == 0 {
			w.fail("%s is to leave for ever", p.conf.Name)
		}
		if len(p.waiting) > 0 && w.left == 0 {
			w.fail("%d jobs wait for %s for ever", len(p.waiting), p.conf.Name)
		}
	}
}

// fuzzChronicle is how many events a world keeps: more than one step can make, so
// that a witness misses none, and fewer than one who is slow misses.
const fuzzChronicle = 48

// live plays one life: as the bytes will have it, then to an orderly end.
func live(t testing.TB, configs []*conf.Config, data []byte) {
	s := &source{data}
	first := s.next(len(configs))
	w := newWorld(t, slices.Concat(configs[first:], configs[:first]))
	for i := range w.core.chronicle.lanes {
		w.core.chronicle.lanes[i].most, w.twin.chronicle.lanes[i].most = fuzzChronicle, fuzzChronicle
	}
	if s.next(2) == 0 {
		w.begin(api.FollowEvents{Types: []string{"EVENT"}}, true)
	}
	if s.next(16) == 0 {
		w.give(OSSignal{Signal: fuzzSignals[s.next(len(fuzzSignals))]})
	}
	if w.left == 0 {
		w.give(Boot{})
	}
	for len(s.data) > 0 && w.left == 0 {
		w.act(s)
	}
	if w.left > 0 {
		return
	}
	if len(data)%2 == 0 { // else it is asked to leave in the midst of things
		w.settle()
		for id := range w.core.waits { // for what may never happen
			delete(w.open, id)
			w.canceled[id] = true
		}
		if len(w.open) > 0 && w.left == 0 {
			w.fail("nothing more happens, and there is no reply to %v", w.open)
		}
		w.checkForgotten()
	}
	if w.left > 0 {
		return
	}
	w.give(OSSignal{Signal: syscall.SIGTERM})
	w.settle()
	if w.left != 1 {
		w.fail("asked to leave, and everything has ended, but it stays")
	}
}

// FuzzCore lets people and the kernel do what they like, in any order, and
// checks after every step that the supervisor keeps its promises: one child for
// a slot, no signal to nobody, one reply to each request, no deadline in the
// past, nothing spawned on the way out, and one end.
func FuzzCore(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		f.Add(randomBytes(r, 300))
	}
	configs := fuzzConfigs(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			data = data[:4096]
		}
		live(t, configs, data)
	})
}

// TestRandomLives is FuzzCore for a run without -fuzz.
func TestRandomLives(t *testing.T) {
	configs := fuzzConfigs(t)
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 0))
		t.Run(fmt.Sprint(seed), func(t *testing.T) { live(t, configs, randomBytes(r, 200+r.IntN(2000))) })
	}
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
