package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

func ms(d int64) float64 { return float64(d) / 1e6 }

// startRow measures exec to all alive, of n programs.
func startRow(n, logs int, peers []string) func(*bench, *row) error {
	return func(b *bench, r *row) error {
		for range b.rounds {
			run, all, err := b.spawnLoop("spawn", n)
			if err != nil {
				return err
			}
			r.add(limit, ms(last(all)-run.began))
			if _, err := run.quit(); err != nil {
				return err
			}
			for _, name := range peers {
				p := b.peer(name)
				if p == nil {
					continue
				}
				run, all, err := b.up(p, n, logs, "")
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				r.add(name, ms(last(all)-run.began))
				if _, err := run.quit(); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			// What programs wrote is in memory here.
			if err := b.sweep(); err != nil {
				return err
			}
		}
		return nil
	}
}

// stopRow measures TERM to gone, of n programs that end at once. The order of a
// shutdown is a promise: group after group, the next is told to end when the one before
// has ended. So does the limit.
func stopRow(n int) func(*bench, *row) error {
	return func(b *bench, r *row) error {
		stop := func(name string, run *running, err error) error {
			if err == nil {
				err = run.ready(n)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			took, err := run.quit()
			r.add(name, ms(took.Nanoseconds()))
			return errors.Join(err, b.sweep())
		}
		for range b.rounds {
			run, _, err := b.spawnLoop("turns", n)
			if err := stop(limit, run, err); err != nil {
				return err
			}
			for _, name := range supervisors {
				p := b.peer(name)
				if p == nil {
					continue
				}
				run, _, err := b.up(p, n, 2, "")
				if err := stop(name, run, err); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// ready waits until a server, if there is one, answers that n programs run; what
// it does before is part of its start.
func (r *running) ready(n int) error {
	if r.sock == "" {
		return nil
	}
	return poll("all programs RUNNING", 20*time.Millisecond, func() (bool, error) {
		out, err := r.ctl("status")
		return err == nil && strings.Count(out, " RUNNING ") == n, nil
	})
}

// memoryRow measures the memory of the supervisors, side by side, three seconds after
// the last of their programs runs.
func memoryRow(n int) func(*bench, *row) error {
	return func(b *bench, r *row) error {
		for range b.rounds {
			all, err := b.sideBySide(n, 2)
			if err != nil {
				return err
			}
			time.Sleep(3 * time.Second)
			for _, run := range all {
				mb, err := pss(b.overhead(run))
				if err != nil {
					return fmt.Errorf("%s: %w", run.peer.name, err)
				}
				r.add(run.peer.name, mb)
			}
			if err := b.sweep(); err != nil {
				return err
			}
		}
		return nil
	}
}

// sideBySide starts every supervisor with n programs and waits until all run.
func (b *bench) sideBySide(n, logs int) ([]*running, error) {
	var all []*running
	for _, name := range supervisors {
		p := b.peer(name)
		if p == nil {
			continue
		}
		run, _, err := b.up(p, n, logs, "")
		if err == nil {
			err = run.ready(n)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, run)
	}
	return all, nil
}

// idle measures, over the same time for all, how often they wake up and how
// long they run while nothing happens.
func idle(b *bench, r *row) error {
	const span = 12 * time.Second
	type at struct {
		run  *running
		pids []int
		wake float64
		cpu  time.Duration
	}
	var all []*at
	started, err := b.sideBySide(100, 2)
	if err != nil {
		return err
	}
	for _, run := range started {
		all = append(all, &at{run: run})
	}
	time.Sleep(6 * time.Second) // runsvdir and the loggers come to rest
	for i := range b.rounds + 1 {
		for _, a := range all {
			if i == 0 {
				a.pids = b.overhead(a.run)
			}
			wake, cpu, err := effort(a.pids)
			if err != nil {
				return fmt.Errorf("%s: %w", a.run.peer.name, err)
			}
			if i > 0 {
				r.add(a.run.peer.name, (wake-a.wake)*60/span.Seconds())
				r.also(cpuAtRest, a.run.peer.name, ms((cpu-a.cpu).Nanoseconds())*60/span.Seconds())
			}
			a.wake, a.cpu = wake, cpu
		}
		if i < b.rounds {
			time.Sleep(span)
		}
	}
	return nil
}

// respawn measures from the kill of a program, which has run for more than a
// second and is no longer young for anybody, until the next one is executed.
func respawn(b *bench, r *row) error {
	type at struct {
		name string
		dir  string
		n    int
		pid  int
	}
	var all []*at
	begin := func(name string, run *running, notes []note, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, &at{name, run.dir, 1, int(notes[0].pid)})
		return nil
	}
	dir, err := b.folder()
	if err != nil {
		return err
	}
	run, err := launch(dir, []string{b.limit, "respawn", b.limit, "alive", dir + "/notes"}, nil)
	if err != nil {
		return err
	}
	first, err := await(dir+"/notes", 1)
	if err := begin(limit, run, first, err); err != nil {
		return err
	}
	for _, name := range supervisors {
		if p := b.peer(name); p != nil {
			run, notes, err := b.up(p, 1, 2, "")
			if err := begin(name, run, notes, err); err != nil {
				return err
			}
		}
	}
	for range 4 * b.rounds {
		time.Sleep(1100 * time.Millisecond)
		for _, a := range all {
			at := mono()
			if err := syscall.Kill(a.pid, syscall.SIGKILL); err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			a.n++
			next, err := await(a.dir+"/notes", a.n)
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			r.add(a.name, ms(next[a.n-1].at-at))
			a.pid = int(next[a.n-1].pid)
		}
	}
	return nil
}

// update changes one program of a thousand; the others must not notice.
func update(b *bench, r *row) error {
	return b.each(r, servers, func(p *peer) (float64, error) {
		const n = 1000
		run, _, err := b.up(p, n, 2, "")
		if err != nil {
			return 0, err
		}
		if err := run.ready(n); err != nil {
			return 0, err
		}
		conf, err := os.ReadFile(run.conf)
		if err != nil {
			return 0, err
		}
		was, now := "[program:p00500]\n", "[program:p00500]\npriority=998\n"
		if err := os.WriteFile(run.conf, []byte(strings.Replace(string(conf), was, now, 1)), 0o644); err != nil {
			return 0, err
		}
		before := descendants(run.pid)
		began := mono()
		if _, err := run.ctl("update"); err != nil {
			return 0, err
		}
		took := mono() - began
		if _, err := await(run.dir+"/notes", n+1); err != nil {
			return 0, err
		}
		after := descendants(run.pid)
		same := 0
		for _, pid := range after {
			if slices.Contains(before, pid) {
				same++
			}
		}
		if len(before) != n || len(after) != n || same != n-1 {
			err = fmt.Errorf("of %d processes %d are the same among %d afterwards", len(before), same, len(after))
		}
		_, e := run.quit()
		return ms(took), errors.Join(err, e, b.sweep())
	})
}

// manyRow measures n programs, more than anybody else here is made for, or as many as the
// limit on open files lets one daemon have: status, and with it start and stop.
func manyRow(n int) func(*bench, *row) error {
	return func(b *bench, r *row) error {
		n := min(n, b.mostPrograms())
		return b.each(r, []string{ours}, func(p *peer) (float64, error) {
			run, all, err := b.up(p, n, 0, oneOutput)
			if err != nil {
				return 0, err
			}
			r.also("programs", ours, float64(n))
			r.also("exec to all alive, ms", ours, ms(last(all)-run.began))
			if err := run.ready(n); err != nil {
				return 0, err
			}
			began := mono()
			out, err := run.ctl("status")
			took := mono() - began
			if lines := strings.Count(out, " RUNNING "); err != nil || lines != n {
				return 0, fmt.Errorf("%d lines: %v", lines, err)
			}
			stop, err := run.quit()
			r.also("TERM to gone, ms", ours, ms(stop.Nanoseconds()))
			return ms(took), errors.Join(err, b.sweep())
		})
	}
}

// oneOutput is what has a program take as few open files of its daemon as it can: one
// pipe to it and one from it.
const (
	oneOutput = "redirect_stderr=true\n"
	filesEach = 2
)

// mostPrograms is how many such programs the limit on open files lets one daemon have.
func (b *bench) mostPrograms() int { return (int(b.files) - 100) / filesEach }
