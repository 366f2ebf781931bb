package ctl

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
)

// lookEvery is how often progress asks the server how far it is, and how long
// an action takes before any is shown.
const lookEvery = time.Second

// progress is the line on the standard error that tells how far a long action
// is. It is there only while a request runs, so nothing else can be printed
// beside it; where that is no terminal, or a dumb one, there is none at all.
type progress struct {
	sketch func(ctx context.Context) string // what the line says; "": nothing is known
	ticks  <-chan time.Time
	shown  bool
}

// showProgress has each request of meanwhile show a line from here on; the
// function that it returns ends that.
func (s *session) showProgress(sketch func(ctx context.Context) string) (end func()) {
	if !s.sketches || s.wantsJSON() {
		return func() {}
	}
	ticker := time.NewTicker(lookEvery)
	s.progress = &progress{sketch: sketch, ticks: ticker.C}
	return func() {
		ticker.Stop()
		s.progress = nil
	}
}

// meanwhile performs a request and shows how far the action is for as long as
// that takes. The request runs in a goroutine that ends before meanwhile does.
func (s *session) meanwhile(ctx context.Context, request func() error) error {
	if s.progress == nil {
		return request()
	}
	interrupts := make(chan os.Signal, 1)
	if !s.shell && !signal.Ignored(os.Interrupt) { // the shell has ctx end
		signal.Notify(interrupts, os.Interrupt)
		defer signal.Stop(interrupts)
	}
	done := make(chan error, 1) // it ends whether we look or not
	go func() { done <- request() }()
	for {
		select {
		case <-interrupts: // ends us as it would without a line to take away
			s.hideProgress()
			signal.Reset(os.Interrupt)
			_ = unix.Kill(unix.Getpid(), unix.SIGINT)
		case err := <-done:
			s.hideProgress()
			return err
		case <-s.progress.ticks:
			looking, cancel := context.WithTimeout(ctx, lookEvery)
			s.drawProgress(s.progress.sketch(looking))
			cancel()
		}
	}
}

// goal is what a request about many processes brings them to.
type goal struct {
	word   string
	states []string
}

var (
	goalRunning = &goal{"running", []string{"RUNNING"}}
	goalStopped = &goal{"stopped", []string{"STOPPED", "EXITED", "FATAL", "UNKNOWN"}}
)

// sketch says how many of the processes that names mean have reached the goal,
// and names those that are on their way.
func (g *goal) sketch(all []api.ProcessInfo, names []string) string {
	total, there := 0, 0
	var moving []string
	for _, info := range all {
		if !meant(info, names) {
			continue
		}
		total++
		switch {
		case slices.Contains(g.states, info.StateName):
			there++
		case info.StateName == "STARTING" || info.StateName == "STOPPING" || info.StateName == "BACKOFF":
			moving = append(moving, info.Namespec())
		}
	}
	text := fmt.Sprintf("%d of %d %s", there, total, g.word)
	if len(moving) > 0 {
		text += ", waiting for " + strings.Join(moving, ", ")
	}
	return text
}

// meant tells whether names mean a process.
func meant(info api.ProcessInfo, names []string) bool {
	if wantsAll(names) {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool {
		group, process := splitName(name)
		return info.Group == group && (process == "" || process == info.Name)
	})
}

// isMany tells whether names may mean more than one process.
func isMany(names []string) bool {
	if len(names) == 0 {
		return false
	}
	_, process := splitName(names[0])
	return len(names) > 1 || process == "" || wantsAll(names)
}

// drawProgress replaces the line by text, as much as the terminal has room for.
func (s *session) drawProgress(text string) {
	if text == "" {
		return
	}
	text = cutWidth(visible(text, ""), screenWidth(s.errs)-1)
	io.WriteString(s.errs, "\r\x1b[K"+text)
	s.progress.shown = true
}

// hideProgress takes the line away.
func (s *session) hideProgress() {
	if s.progress.shown {
		io.WriteString(s.errs, "\r\x1b[K")
		s.progress.shown = false
	}
}

// screenWidth returns how many columns a terminal has; 80 where it cannot tell.
func screenWidth(w any) int {
	if f, ok := w.(interface{ Fd() uintptr }); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			return int(size.Col)
		}
	}
	return 80
}

// cutWidth cuts text to so many columns. A character that is not ASCII is taken
// for two, which is the most that one has.
func cutWidth(text string, columns int) string {
	const dots = "..."
	at, used := 0, 0
	for i, r := range text {
		if used <= columns-len(dots) {
			at = i
		}
		used++
		if r >= 0x80 {
			used++
		}
	}
	if used <= columns {
		return text
	}
	return text[:at] + dots[:min(len(dots), max(0, columns))]
}
