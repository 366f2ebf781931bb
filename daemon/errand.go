package daemon

import (
	"errors"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/child"
	"gosupervisor/proc/output"
)

// errandOutput is how much is kept of what a command beside the programs writes.
const errandOutput = 4096

// errandChild is such a command while it runs: of a hook, or of a process. The goroutine
// of kids owns it, but for what it writes: that is the pump's until the pump has ended.
type errandChild struct {
	name string
	end  *output.End // our end of the output pipe, until the pump takes it
	pump *output.Pump
	kept []byte
	more int

	refusal string // why it could not be who it is to be
}

// errand is what a command is to be started with.
type errand struct {
	id      core.ProcID
	name    string
	program *conf.Program // whose command it is: what else it has, the child gets
	input   []byte        // nil: the null device
	about   child.Key     // whom it is told about; 0: nobody
	pid     int           // and which child of it
	environ func(files map[string]string) []string
}

// runHook starts the command of a hook.
func (h *host) runHook(e core.RunHook) {
	h.runErrand(&errand{
		id: e.Errand, name: "hook " + e.Hook.Name, program: e.Hook.Child, input: e.Input,
		environ: func(files map[string]string) []string { return h.hookEnvironment(e, files) },
	})
}

// runCommand starts a command of a process. It is told whom it is about, and otherwise
// has what the process has.
func (h *host) runCommand(e core.RunCommand) {
	p := *e.Program
	p.Command = e.Command
	h.runErrand(&errand{
		id: e.Errand, name: e.Key + " of " + api.Namespec(p.Group, p.Name), program: &p, about: child.Key(e.Proc), pid: e.PID,
		environ: func(files map[string]string) []string {
			told := h.told(&p)
			told["SUPERVISOR_PROCESS_PID"] = strconv.Itoa(e.PID)
			return h.layered(&p, files, told, nil)
		},
	})
}

func (h *host) runErrand(e *errand) {
	h.kids.Spawn(child.Job{Key: child.Key(e.id), Prepare: func() (*child.Spec, error) { return h.prepareErrand(e) }})
}

// killErrand ends a command with everything in its process group.
func (h *host) killErrand(e core.KillErrand) {
	h.kids.SignalThen(child.Key(e.Errand), unix.SIGKILL, true, func(err error) {
		if err != nil {
			h.journal.logf(conf.Critical, "a command beside the programs cannot be killed: %v", err)
		}
	})
}

// errGone says that whom a command is about has ended before it could be run.
var errGone = errors.New("its process has ended")

// prepareErrand makes everything that a command needs. It runs on the goroutine of
// kids, right before the fork.
func (h *host) prepareErrand(e *errand) (_ *child.Spec, err error) {
	r := &errandChild{name: e.name}
	h.errands[child.Key(e.id)] = r
	if e.about != 0 {
		// From here to the fork nobody reaps: as long as that child is ours, its pid is.
		if about := h.running[e.about]; about == nil || about.pid != e.pid {
			return nil, errGone
		}
	}
	p := e.program
	files, err := h.fromFiles(p)
	if err != nil {
		return nil, err
	}
	argv, path, err := h.command(p, searched(p, files))
	if err != nil {
		return nil, err
	}
	spec := &child.Spec{
		Path: path, Argv: argv, Env: e.environ(files), Dir: p.Directory, Umask: p.Umask, Cred: credential(p),
	}
	// It is beside the program, whose group it may have to empty.
	spec.Limits = p.Limits.WithoutControls()
	defer func() {
		if err != nil {
			closeAll(spec.Close)
			err = &outputError{err}
		}
	}()
	if e.input != nil {
		if spec.Stdin, err = eventFile(e.input); err != nil {
			return nil, err
		}
		spec.Close = append(spec.Close, spec.Stdin)
	}
	var theirs int
	if r.end, theirs, err = h.poller.Pipe(); err != nil {
		return nil, err
	}
	spec.Stdout = child.FD(theirs)
	spec.Close = append(spec.Close, spec.Stdout)
	spec.Stderr = spec.Stdout
	return spec, nil
}

// eventFile makes a file of what a hook is to read. It lies in memory and has no
// name; unlike a pipe it needs nobody who writes while the command reads, or does not.
func eventFile(text []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("event", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "event")
	if _, err = f.Write(text); err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// hookEnvironment makes the environment of a hook's command: ours, what tells it about
// us and the event, and what the configuration sets, each over the one before. What we
// were told of an event ourselves is not passed on.
func (h *host) hookEnvironment(e core.RunHook, files map[string]string) []string {
	set := map[string]string{"SUPERVISOR_ENABLED": "1", "SUPERVISOR_HOOK": e.Hook.Name}
	if h.cfg.Server.ServerURL != "" {
		set["SUPERVISOR_SERVER_URL"] = h.cfg.Server.ServerURL
	}
	maps.Copy(set, e.Environ)
	return h.layered(e.Hook.Child, files, set, func(name string) bool {
		return strings.HasPrefix(name, "SUPERVISOR_EVENT") || name == "SUPERVISOR_PROCESS_NAME" || name == "SUPERVISOR_GROUP_NAME"
	})
}

// start lets the pump run.
func (r *errandChild) start() {
	r.pump = output.Start(r.end, output.Options{OnBytes: r.keep})
	r.end = nil
}

// keep keeps the first of what the command writes, and counts the rest.
func (r *errandChild) keep(p []byte) {
	n := min(len(p), errandOutput-len(r.kept))
	r.kept = append(r.kept, p[:n]...)
	r.more += len(p) - n
}

// errandFailed tells that there is no child.
func (h *host) errandFailed(k child.Key, r *errandChild, err error) {
	delete(h.errands, k)
	if r.end != nil {
		r.end.Close()
	}
	in := core.ErrandEnded{Errand: core.ProcID(k)}
	if in.Gone = errors.Is(err, errGone); !in.Gone {
		in.Failure = spawnErrText(r.name, err)
	}
	h.inbox.post(message{in: in})
}

// errandExited tells of the end of a child when what it wrote has been taken.
func (h *host) errandExited(k child.Key, r *errandChild, ws syscall.WaitStatus) {
	delete(h.errands, k)
	r.pump.Drain(func() {
		h.inbox.postOutput(message{in: core.ErrandEnded{
			Errand: core.ProcID(k), Failure: r.refusal, Code: child.ExitCode(ws), Text: child.ExitText(ws), Output: r.kept, More: r.more,
		}})
	})
}
