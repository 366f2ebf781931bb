package ctl

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// screen is a terminal of which a verb has all: what it draws stands in place of
// what was drawn before, keys come one by one, and at its end the terminal shows
// what it showed before. It is the caller's goroutine that draws; two more wait
// for keys and for signals, and end with it.
type screen struct {
	out     *os.File
	keys    chan byte      // what is typed; nobody types where stdin is no terminal
	signals chan os.Signal // a change of the size, or one that would have ended us
	restore func()         // the modes of the terminal
	cancel  context.CancelFunc
	readers sync.WaitGroup
}

// What a terminal is told.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // another page, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	ctrlC       = 3
)

// openScreen takes the terminal over, or tells that there is none that could be.
func (s *session) openScreen() (*screen, bool) {
	out, ok := s.out.(*os.File)
	if !ok || !s.terminal || !smart(os.Getenv) {
		return nil, false
	}
	ctx, cancel := context.WithCancel(context.Background())
	v := &screen{out: out, keys: make(chan byte), signals: make(chan os.Signal, 8), restore: func() {}, cancel: cancel}
	signal.Notify(v.signals, unix.SIGWINCH, unix.SIGTERM, unix.SIGHUP, unix.SIGINT)
	if in := s.in.file(); isTerminal(in) {
		v.restore = rawKeys(int(in.Fd()))
		v.readers.Go(func() { v.read(ctx, in) })
	}
	io.WriteString(out, enterScreen)
	return v, true
}

// rawKeys has a terminal give us every key at once and show none, Ctrl-C too. What
// is printed is treated as ever.
func rawKeys(fd int) (restore func()) {
	found, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	raw := *found
	raw.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if unix.IoctlSetTermios(fd, unix.TCSETS, &raw) != nil {
		return func() {}
	}
	return func() { unix.IoctlSetTermios(fd, unix.TCSETS, found) }
}

func (v *screen) read(ctx context.Context, in *os.File) {
	for {
		typed, err := readFile(ctx, in)
		for _, key := range typed {
			if send(ctx, v.keys, key) != nil {
				return
			}
		}
		if err != nil {
			close(v.keys)
			return
		}
	}
}

// close gives the terminal back.
func (v *screen) close() {
	v.cancel()
	v.readers.Wait()
	signal.Stop(v.signals)
	io.WriteString(v.out, leaveScreen)
	v.restore()
}

// resized tells whether a signal only says that the terminal has another size.
func resized(sig os.Signal) bool { return sig == unix.SIGWINCH }

// size returns how many columns and rows there are.
func (v *screen) size() (columns, rows int) {
	if size, err := unix.IoctlGetWinsize(int(v.out.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 && size.Row > 0 {
		return int(size.Col), int(size.Row)
	}
	return 80, 24
}

// draw shows lines, as many as there is room for, in place of what was there. They
// must be fit to print, but for colours.
func (v *screen) draw(lines []string) {
	columns, rows := v.size()
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, line := range lines[:min(len(lines), rows)] {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(cutPainted(line, columns) + "\x1b[K")
	}
	b.WriteString("\x1b[J")
	io.WriteString(v.out, b.String())
}

// cutPainted cuts a line to so many columns. Colours take none; one that is cut
// short is ended.
func cutPainted(line string, columns int) string {
	if !strings.Contains(line, "\x1b[") {
		return cutWidth(line, columns)
	}
	var b strings.Builder
	used := 0
	for line != "" {
		if rest, ok := strings.CutPrefix(line, "\x1b["); ok {
			end := strings.IndexByte(rest, 'm') + 1
			b.WriteString("\x1b[" + rest[:end])
			line = rest[end:]
			continue
		}
		next := strings.Index(line, "\x1b[")
		if next < 0 {
			next = len(line)
		}
		text := cutWidth(line[:next], columns-used)
		b.WriteString(text)
		if text != line[:next] {
			return b.String() + "\x1b[0m"
		}
		for _, r := range text {
			used++
			if r >= 0x80 {
				used++
			}
		}
		line = line[next:]
	}
	return b.String()
}
