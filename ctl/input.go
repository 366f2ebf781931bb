package ctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// input is where a session reads what a person or a pipe has to say.
type input interface {
	// line prompts for a line. It returns io.EOF at the end of the input, and
	// errInterrupted or the error of ctx for Ctrl-C.
	line(ctx context.Context, prompt string) (string, error)
	// secret does the same without an echo.
	secret(ctx context.Context, prompt string) (string, error)
	// body reads a line without a prompt, for a process rather than for us.
	body(ctx context.Context) (string, error)
	// remember takes a line into the history.
	remember(line string)
	// file is where all that comes from.
	file() *os.File
	// close gives the terminal back.
	close()
}

// errInterrupted says that Ctrl-C was pressed at a prompt.
var errInterrupted = errors.New("interrupted")

// maxTyped bounds a line of input.
const maxTyped = 1 << 20

// plainInput reads lines without editing: from a pipe, a file, or a terminal
// that the line editor does not know.
type plainInput struct {
	f       *os.File
	out     io.Writer
	errs    io.Writer
	pending []byte
}

func (p *plainInput) remember(string) {}

func (p *plainInput) close() {}

func (p *plainInput) file() *os.File { return p.f }

func (p *plainInput) line(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(p.out, prompt)
	return p.body(ctx)
}

func (p *plainInput) secret(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(p.errs, prompt)
	restore := hideEcho(int(p.f.Fd()))
	text, err := p.body(ctx)
	restore()
	fmt.Fprintln(p.out)
	return text, err
}

// hideEcho makes a terminal not show what is typed; of anything else it does
// nothing.
func hideEcho(fd int) (restore func()) {
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	silent := *old
	silent.Lflag &^= unix.ECHO
	if unix.IoctlSetTermios(fd, unix.TCSETS, &silent) != nil {
		return func() {}
	}
	return func() { unix.IoctlSetTermios(fd, unix.TCSETS, old) }
}

// body returns the next line without its newline; the last one may lack it.
func (p *plainInput) body(ctx context.Context) (string, error) {
	for {
		if line, rest, ok := bytes.Cut(p.pending, []byte("\n")); ok {
			p.pending = rest
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		if len(p.pending) > maxTyped {
			return "", fmt.Errorf("a line of input has at most %d bytes", maxTyped)
		}
		piece, err := readFile(ctx, p.f)
		p.pending = append(p.pending, piece...)
		if err == io.EOF && len(p.pending) > 0 {
			line := string(p.pending)
			p.pending = nil
			return line, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// readFile reads what there is, and waits for it only as long as ctx lasts. A
// blocked read cannot be taken back, so it waits in poll, with a pipe that the
// end of ctx writes to.
func readFile(ctx context.Context, f *os.File) ([]byte, error) {
	wake, release, err := waker(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("wait for input: %w", err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if fds[0].Revents == 0 {
			continue
		}
		buf := make([]byte, 4<<10)
		n, err := f.Read(buf)
		return buf[:n], err
	}
}

// waker returns a descriptor that becomes readable when ctx ends.
func waker(ctx context.Context) (fd int, release func(), err error) {
	if ctx.Done() == nil {
		return -1, func() {}, nil
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return -1, nil, fmt.Errorf("pipe: %w", err)
	}
	written := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		unix.Write(ends[1], []byte{0})
		close(written)
	})
	return ends[0], func() {
		if !stop() {
			<-written // else it could write to a descriptor that is another by then
		}
		unix.Close(ends[0])
		unix.Close(ends[1])
	}, nil
}

// isTerminal tells whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
