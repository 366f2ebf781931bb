package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// orphansRow measures how long a command takes that leaves orphans to the
// first process of its pid namespace, and how many of those are zombies at once.
func orphansRow(n int) func(*bench, *row) error {
	return func(b *bench, r *row) error {
		command := []string{b.limit, "orphans", fmt.Sprint(n)}
		inits := []struct {
			name string
			argv []string
		}{{limit, []string{b.limit, "init"}}}
		for _, name := range []string{ours, tini, dumbInit} {
			p := b.peer(name)
			if p == nil {
				continue
			}
			argv := []string{p.tools[name], "--"}
			if name == ours {
				argv = []string{p.tools["supervisord"], "--"}
			}
			inits = append(inits, struct {
				name string
				argv []string
			}{name, argv})
		}
		for range b.rounds {
			for _, i := range inits {
				dir, err := b.folder()
				if err != nil {
					return err
				}
				run, err := launch(dir, append(i.argv, command...), &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID})
				if err != nil {
					return fmt.Errorf("%s: %w", i.name, err)
				}
				var over atomic.Bool
				most := make(chan int, 1)
				go func() {
					top := 0
					for !over.Load() {
						top = max(top, zombies(run.pid))
						time.Sleep(2 * time.Millisecond)
					}
					most <- top
				}()
				statuses, err := reapAll()
				took := mono() - run.began
				over.Store(true)
				top := <-most
				if ws := statuses[run.pid]; err == nil && (!ws.Exited() || ws.ExitStatus() != 7) {
					out, _ := os.ReadFile(dir + "/out")
					err = fmt.Errorf("the status of the command, 7, is lost: %v; %.300q", ws, out)
				}
				if err == nil && len(statuses) != 1 {
					err = errors.New("something got out of the namespace")
				}
				if err != nil {
					return fmt.Errorf("%s: %w", i.name, err)
				}
				r.add(i.name, ms(took))
				r.also(zombiesAtOnce, i.name, float64(top))
			}
		}
		return nil
	}
}

// zombies counts the dead children of a process that it has not waited for yet.
func zombies(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	n := 0
	for _, word := range strings.Fields(string(data)) {
		kid, err := strconv.Atoi(word)
		if err != nil {
			continue
		}
		if f := stat(kid); f != nil && f[0] == "Z" {
			n++
		}
	}
	return n
}
