package proc

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosupervisor/conf"
)

var update = flag.Bool("update", false, "rewrite the generated state diagram")

// world is a machine together with all that the kernel knows of its child.
type world struct {
	m       Machine
	forking bool // a spawn was asked for and not yet answered
	alive   bool // there is a child
	dead    bool // it was reaped; its exit is yet to be told
	signal  bool // a stop signal is on its way and may still fail
	command bool // a stop command runs and may fail, also when its process is long gone
}

// edge is one thing that can happen in a world.
type edge struct {
	in  Input
	now Instant
}

// possible lists every input that the kernel and the people around it can
// give in w.
func possible(w world) []edge {
	out := []edge{
		{in: Input{Kind: InputStart}}, {in: Input{Kind: InputStop}}, {in: Input{Kind: InputGiveUp}},
	}
	if w.forking {
		out = append(out, edge{in: Input{Kind: InputSpawned, PID: 7}}, edge{in: Input{Kind: InputSpawnFailed}})
	}
	if w.alive && !w.dead {
		out = append(out, edge{in: Input{Kind: InputReaped}})
	}
	if w.dead {
		for _, code := range []int{-1, 0, 1} {
			out = append(out, edge{in: Input{Kind: InputExited, Code: code}})
			if w.m.Due > 0 {
				out = append(out, edge{in: Input{Kind: InputExited, Code: code}, now: w.m.Due})
			}
		}
		if w.m.State != Running { // where nothing gets that was refused
			out = append(out, edge{in: Input{Kind: InputExited, Code: 127, Refused: true}})
		}
	}
	if w.m.Armed {
		out = append(out, edge{in: Input{Kind: InputDue}, now: w.m.Due})
	}
	if w.signal && w.alive {
		out = append(out, edge{in: Input{Kind: InputSignalFailed}})
	}
	if w.command {
		out = append(out, edge{in: Input{Kind: InputCommandFailed}})
	}
	return out
}

// take performs e in w. Times are kept relative to the present, so that the
// number of worlds is finite.
func take(t *testing.T, p *Policy, w world, e edge) (world, []Move) {
	t.Helper()
	next := w
	var fx Effects
	next.m, fx = w.m.Step(p, e.now, e.in)
	if next.m.Due != 0 {
		next.m.Due -= e.now
	}
	switch e.in.Kind {
	case InputSpawned:
		next.forking, next.alive = false, true
	case InputSpawnFailed:
		next.forking = false
	case InputReaped:
		next.dead = true
	case InputExited:
		next.alive, next.dead, next.signal = false, false, false
	case InputSignalFailed:
		next.signal = false
	case InputCommandFailed:
		next.command = false
	}
	if fx.Spawn {
		if next.forking || next.alive {
			t.Fatalf("a second child for one slot: %+v, %+v", w, e)
		}
		next.forking = true
	}
	if fx.Signal != 0 {
		if !next.alive || next.dead {
			t.Fatalf("a signal without a living child: %+v, %+v", w, e)
		}
		next.signal = true
	}
	if fx.Command {
		if !next.alive || next.dead || fx.Signal != 0 {
			t.Fatalf("a stop command without a living child, or beside a signal: %+v, %+v", w, e)
		}
		next.command = true
	}
	return next, fx.Moves()
}

// diagram is every transition that the documentation names.
var diagram = map[[2]State]bool{
	{Stopped, Starting}: true, {Fatal, Starting}: true, {Exited, Starting}: true, {Backoff, Starting}: true,
	{Starting, Running}: true, {Starting, Backoff}: true, {Starting, Stopping}: true,
	{Running, Stopping}: true, {Running, Exited}: true,
	{Backoff, Fatal}: true, {Backoff, Stopped}: true,
	{Stopping, Stopped}: true, {Stopping, Unknown}: true, {Unknown, Stopped}: true,
}

func check(t *testing.T, w world, moves []Move) {
	t.Helper()
	for _, mv := range moves {
		if !diagram[[2]State{mv.From, mv.To}] {
			t.Fatalf("undocumented transition %v -> %v", mv.From, mv.To)
		}
	}
	m := w.m
	if (m.PID != 0) != w.alive {
		t.Fatalf("a pid without a child or a child without a pid: %+v", w)
	}
	if m.State.IsStopped() && m.State != Unknown && (w.alive || w.forking) {
		t.Fatalf("a stopped state with a child: %+v", w)
	}
	if (m.State == Backoff || m.State == Stopping && !w.dead) && !m.Armed {
		t.Fatalf("nothing will ever happen: %+v", w)
	}
	if m.Commanded && (m.State != Stopping || !w.command) {
		t.Fatalf("a stop command that nothing will be heard of: %+v", w)
	}
	if m.Armed && (m.State == Stopped || m.State == Fatal || m.State == Running || m.State == Unknown) {
		t.Fatalf("a deadline in a state that has none: %+v", w)
	}
}

// policies covers every value on which the machine branches.
func policies() []*Policy {
	var out []*Policy
	for _, restart := range []conf.Autorestart{conf.RestartNever, conf.RestartUnexpected, conf.RestartAlways} {
		for _, secs := range []time.Duration{0, time.Second} {
			for _, retries := range []int{-1, 0, 3} {
				for _, wait := range []time.Duration{0, 10 * time.Second} {
					out = append(out, policy(func(p *Policy) {
						p.Autorestart, p.StartWait, p.StartRetries, p.StopWait = restart, secs, retries, wait
					}))
				}
			}
		}
	}
	for _, wait := range []time.Duration{0, 10 * time.Second} {
		sequence := func(p *Policy) {
			p.Autorestart, p.StopWait = conf.RestartUnexpected, wait
			p.StopThen = []StopStep{{syscall.SIGINT, 5 * time.Second}, {syscall.SIGQUIT, 0}}
		}
		command := func(p *Policy) { p.StopWait, p.StopCommand = wait, true }
		out = append(out, policy(sequence), policy(command), policy(sequence, command))
	}
	return out
}

func TestModelExploresEveryState(t *testing.T) {
	took := map[[2]State]bool{}
	for _, p := range policies() {
		seen := map[world]bool{{}: true}
		next := map[world][]world{}
		edges := 0
		for queue := []world{{}}; len(queue) > 0; {
			w := queue[0]
			queue = queue[1:]
			for _, e := range possible(w) {
				n, moves := take(t, p, w, e)
				check(t, n, moves)
				for _, mv := range moves {
					took[[2]State{mv.From, mv.To}] = true
				}
				edges++
				next[w] = append(next[w], n)
				if !seen[n] {
					seen[n] = true
					queue = append(queue, n)
				}
			}
			if len(seen) > 100_000 {
				t.Fatal("the model does not end")
			}
		}
		if len(seen) < len(States) {
			t.Errorf("only %d worlds under %+v", len(seen), p)
		}
		checkEveryStopEnds(t, p, seen)
		t.Logf("%d worlds, %d edges: autorestart=%s startsecs=%v startretries=%d stopwaitsecs=%v and %d steps, command %v",
			len(seen), edges, p.Autorestart, p.StartWait, p.StartRetries, p.StopWait, len(p.StopThen), p.StopCommand)
	}
	for e := range diagram {
		if !took[e] {
			t.Errorf("the documented transition %v -> %v never happens", e[0], e[1])
		}
	}
	for _, s := range States {
		if !slices.ContainsFunc(mapKeys(took), func(e [2]State) bool { return e[0] == s || e[1] == s }) {
			t.Errorf("%v is never reached", s)
		}
	}
	checkDiagram(t, took)
}

// checkEveryStopEnds takes every world, asks it to stop, and follows all ways
// on which the kernel does its part: each must come to rest without a child.
func checkEveryStopEnds(t *testing.T, p *Policy, worlds map[world]bool) {
	t.Helper()
	for w := range worlds {
		n, _ := take(t, p, w, edge{in: Input{Kind: InputStop}})
		seen := map[world]bool{n: true}
		rests := false
		for queue := []world{n}; len(queue) > 0; {
			w := queue[0]
			queue = queue[1:]
			if w.m.State.IsStopped() && !w.alive && !w.m.Armed {
				rests = true
				continue
			}
			for _, e := range possible(w) {
				if e.in.Kind == InputStart || e.in.Kind == InputSignalFailed {
					continue
				}
				if n, _ := take(t, p, w, e); !seen[n] {
					seen[n] = true
					queue = append(queue, n)
				}
			}
		}
		if !rests {
			t.Fatalf("a stop of %+v never ends under %+v", w, p)
		}
	}
}

func mapKeys(m map[[2]State]bool) [][2]State {
	var out [][2]State
	for k := range m {
		out = append(out, k)
	}
	return out
}

// checkDiagram compares the drawing in docs with the transitions that the
// model took.
func checkDiagram(t *testing.T, took map[[2]State]bool) {
	t.Helper()
	edges := mapKeys(took)
	sort.Slice(edges, func(i, j int) bool {
		return edges[i][0] < edges[j][0] || edges[i][0] == edges[j][0] && edges[i][1] < edges[j][1]
	})
	var b strings.Builder
	b.WriteString("# The life of a process\n\nDrawn from the transitions that the exhaustive model test of package proc takes;\n" +
		"`go generate ./proc` draws it again.\n\n```mermaid\nstateDiagram-v2\n    [*] --> STOPPED\n")
	for _, e := range edges {
		fmt.Fprintf(&b, "    %v --> %v\n", e[0], e[1])
	}
	b.WriteString("```\n")
	const file = "../docs/states.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != b.String() {
		t.Errorf("%s differs from the model (%v); run go generate ./proc", file, err)
	}
}
