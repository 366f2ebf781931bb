package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"gosupervisor/conf"
	"gosupervisor/proc/child"
	"gosupervisor/proc/output"
)

const (
	// getentPatience is how long a directory service is given for one answer.
	getentPatience = 10 * time.Second

	// getentMost bounds an answer: all groups of a large house are less.
	getentMost = 4 << 20

	// getentKeys is where the keys of these children begin, far above those of the core.
	getentKeys child.Key = 1 << 63
)

// getentHint says what may be done where there is no such tool.
const getentHint = "install it (it comes with the C library: libc-bin, glibc-common, musl-utils), or write numbers and supplementary_from=files"

// question is one run of getent, in the table that is there at the time: whoever forks is
// whoever waits, so the child is that of the supervisor's table when there is one.
type question struct {
	argv     []string
	path     string // along which getent is looked for
	patience time.Duration
	answers  *os.File
	theirs   *os.File // the end of the pipe that the child gets, until it has it
	ended    chan questionEnd
}

// questionEnd is what became of the child.
type questionEnd struct {
	status syscall.WaitStatus
	err    error // there was none
}

func newQuestion(args []string) *question {
	return &question{
		argv: append([]string{"getent"}, args...), path: os.Getenv("PATH"), patience: getentPatience, ended: make(chan questionEnd, 1),
	}
}

// prepare makes what the child needs. It runs on the table's goroutine.
func (q *question) prepare() (*child.Spec, error) {
	path, err := child.Resolve(q.argv, nil, absolute(q.path))
	if err != nil {
		q.theirs.Close()
		return nil, err
	}
	return &child.Spec{Path: path, Argv: q.argv, Env: getentEnvironment(), Umask: -1, Stdout: q.theirs, Close: []child.File{q.theirs}}, nil
}

// absolute drops of a search path what depends on where we are: getent has the rights
// that we began with, and who may write to that directory need not have them. What is
// left over for nothing is searched where it always is.
func absolute(path string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(path, ":"), func(dir string) bool { return !strings.HasPrefix(dir, "/") }), ":")
}

// getentEnvironment is what getent and the modules of the C library have of ours: where
// they are. No secret is among it, and it speaks the language that we read.
func getentEnvironment() []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// askWith runs getent as the child of a table, for a while. stopped is closed when that
// table has ended.
func (q *question) askWith(table *child.Table, k child.Key, begin func(*question), stopped <-chan struct{}) (text string, status int, err error) {
	if q.answers, q.theirs, err = output.Pipe(); err != nil {
		return "", 0, err
	}
	defer q.answers.Close()
	table.Spawn(child.Job{Key: k, Prepare: func() (*child.Spec, error) { begin(q); return q.prepare() }})
	return q.await(table, k, stopped)
}

// await reads the answer and waits for the end of the child, and no longer than is
// reasonable.
func (q *question) await(table *child.Table, k child.Key, stopped <-chan struct{}) (string, int, error) {
	text := make(chan []byte, 1) // holds the one answer
	go func() {
		all, _ := io.ReadAll(io.LimitReader(q.answers, getentMost+1)) // what is missing, the status tells
		q.answers.Close()                                             // who says more than that has no reader
		text <- all
	}()
	late := time.NewTimer(q.patience)
	defer late.Stop()
	var end questionEnd
	var err error
	select {
	case end = <-q.ended:
	case <-stopped:
		err = errors.New("supervisord is about to leave")
	case <-late.C:
		err = fmt.Errorf("not done after %v, and killed", q.patience)
	}
	if err != nil {
		table.Signal(k, syscall.SIGKILL, true)
		late.Reset(time.Second)
		select {
		case <-q.ended:
		case <-stopped:
		case <-late.C:
		}
	}
	// Whoever it has started may hold the pipe; what it has said itself is there.
	_ = q.answers.SetReadDeadline(time.Now().Add(time.Second))
	all := <-text
	switch {
	case err != nil:
		return "", 0, err
	case notFound(end.err):
		return "", 0, conf.WithHint(end.err, getentHint)
	case end.err != nil:
		return "", 0, end.err
	case len(all) > getentMost:
		return "", 0, fmt.Errorf("the answer has more than %d bytes", getentMost)
	case end.status.Signaled():
		return "", 0, errors.New(child.ExitText(end.status))
	}
	return string(all), end.status.ExitStatus(), nil
}

// getent asks by way of the supervisor's own table.
func (h *host) getent(args ...string) (string, int, error) {
	k := getentKeys + child.Key(h.nextQuestion.Add(1))
	return newQuestion(args).askWith(h.kids, k, func(q *question) { h.questions[k] = q }, h.done)
}

// questionEnded tells of the end of a getent. It runs on the goroutine of kids.
func (h *host) questionEnded(k child.Key, end questionEnd) {
	h.questions[k].ended <- end
	delete(h.questions, k)
}

// endQuestions kills what nobody waits for any more, while there is still somebody to do it.
func (h *host) endQuestions() {
	done := make(chan struct{})
	h.kids.Do(func() {
		for k := range h.questions {
			h.kids.Signal(k, syscall.SIGKILL, true)
		}
		h.kids.Do(func() { close(done) }) // after those
	})
	late := time.NewTimer(partingTime)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
}

// getentAlone asks with a table of its own, when nothing else is started: before there is
// a supervisor, and between two.
func getentAlone(args ...string) (string, int, error) { return newQuestion(args).askAlone() }

func (q *question) askAlone() (string, int, error) {
	a := &alone{}
	table := child.NewTable(a)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { table.Run(ctx); close(ended) }()
	text, status, err := q.askWith(table, getentKeys, func(q *question) { a.q = q }, nil)
	cancel()
	<-ended
	return text, status, err
}

// alone is the observer of a table with one child.
type alone struct{ q *question }

// Started implements child.Observer.
func (a *alone) Started(child.Key, int, time.Time) {}

// Born implements child.Observer.
func (a *alone) Born(child.Key, child.Report) {}

// Failed implements child.Observer.
func (a *alone) Failed(_ child.Key, err error) { a.q.ended <- questionEnd{err: err} }

// Exited implements child.Observer.
func (a *alone) Exited(_ child.Key, _ int, ws syscall.WaitStatus, _ time.Time) {
	a.q.ended <- questionEnd{status: ws}
}

// Orphan implements child.Observer.
func (a *alone) Orphan(int, syscall.WaitStatus) {}

// SignalGone implements child.Observer.
func (a *alone) SignalGone(child.Key, error) {}

// SignalFailed implements child.Observer.
func (a *alone) SignalFailed(child.Key, syscall.Signal, error) {}

// Flush implements child.Observer.
func (a *alone) Flush() {}

// WaitFailed implements child.Observer.
func (a *alone) WaitFailed(error) {}

// asked is the name of a question in the log.
func (q *question) asked() string { return strings.Join(q.argv, " ") }
