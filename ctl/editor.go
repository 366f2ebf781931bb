package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"unicode"

	"github.com/peterh/liner"
	"golang.org/x/sys/unix"
)

// editor is the input of a shell on a terminal: lines can be edited, completed
// and recalled. Between prompts the terminal is as it was found, so that what
// runs then, and Ctrl-C, see nothing unusual.
type editor struct {
	plainInput
	state   *liner.State
	cooked  liner.ModeApplier // as found
	raw     liner.ModeApplier // as the editor wants it
	history string            // a file; may be empty
	unsize  func()            // takes back the size that the terminal got from us
}

// newEditor returns an editor on the standard input and output, or false where
// they do not allow one.
func newEditor(plain plainInput, history string, complete liner.WordCompleter) (*editor, bool) {
	if plain.f != os.Stdin || !isTerminal(plain.f) || !isTerminal(plain.out) || plain.out != os.Stdout || !liner.TerminalSupported() {
		return nil, false
	}
	e := &editor{plainInput: plain, history: history}
	var err error
	if e.cooked, err = liner.TerminalMode(); err != nil {
		return nil, false
	}
	e.unsize = giveSize(int(plain.out.(*os.File).Fd()))
	e.state = liner.NewLiner()
	e.state.SetCtrlCAborts(true)
	e.state.SetTabCompletionStyle(liner.TabPrints)
	e.state.SetWordCompleter(complete)
	muteSignals(int(plain.f.Fd()))
	if e.raw, err = liner.TerminalMode(); err != nil {
		e.state.Close()
		e.unsize()
		return nil, false
	}
	if f, err := os.Open(history); err == nil {
		e.state.ReadHistory(f)
		f.Close()
	}
	e.cooked.ApplyMode()
	return e, true
}

func (e *editor) line(_ context.Context, prompt string) (string, error) {
	return e.prompt(e.state.Prompt, prompt)
}

func (e *editor) remember(line string) {
	if strings.TrimSpace(line) != "" {
		e.state.AppendHistory(line)
	}
}

func (e *editor) secret(_ context.Context, prompt string) (string, error) {
	return e.prompt(e.state.PasswordPrompt, prompt)
}

func (e *editor) prompt(ask func(string) (string, error), prompt string) (string, error) {
	e.raw.ApplyMode()
	release := e.watch()
	line, err := ask(strings.Map(printable, prompt))
	release()
	e.cooked.ApplyMode()
	if errors.Is(err, liner.ErrPromptAborted) {
		return "", errInterrupted
	}
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("read line: %w", err)
	}
	return line, err
}

// printable drops what the editor refuses in a prompt.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// watch gives the terminal back when a signal ends us at a prompt, whose read
// nothing can interrupt.
func (e *editor) watch() (release func()) {
	deaths := make(chan os.Signal, 1) // one is enough to die of
	signal.Notify(deaths, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	over, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		select {
		case sig := <-deaths:
			e.cooked.ApplyMode()
			e.unsize()
			e.save()
			signal.Reset(sig)
			if n, ok := sig.(unix.Signal); ok {
				unix.Kill(unix.Getpid(), n)
			}
		case <-over:
		}
	}()
	return func() {
		close(over)
		<-left
		signal.Stop(deaths)
	}
}

func (e *editor) close() {
	e.save()
	e.state.Close()
	e.cooked.ApplyMode()
	e.unsize()
}

// muteSignals has a terminal give us Ctrl-C as a character. The editor does so
// too, but only when it has shown its prompt, and somebody may be faster.
func muteSignals(fd int) {
	if mode, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
		mode.Lflag &^= unix.ISIG
		unix.IoctlSetTermios(fd, unix.TCSETS, mode)
	}
}

// giveSize gives a terminal that does not know its size, as those of serial
// lines and containers may not, the usual one: the editor asks the terminal
// itself and edits nothing without. If it has become another by the end, it
// stays so.
func giveSize(fd int) (restore func()) {
	found, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil || found.Col > 0 {
		return func() {}
	}
	given := *found
	given.Row, given.Col = max(found.Row, 24), 80
	if unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &given) != nil {
		return func() {}
	}
	return func() {
		if now, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil && *now == given {
			unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, found)
		}
	}
}

// save writes the history. A file that cannot be written is no reason to
// trouble anybody.
func (e *editor) save() {
	if e.history == "" {
		return
	}
	f, err := os.OpenFile(e.history, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	e.state.WriteHistory(f)
	f.Close()
}
