package daemon

import (
	"maps"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/child"
	"gosupervisor/proc/output"
)

// hookOutput is how much is kept of what the command of a hook writes.
const hookOutput = 4096

// hookChild is the command of a hook that runs. The goroutine of kids owns it, but for
// what it writes: that is the pump's until the pump has ended.
type hookChild struct {
	name string
	end  *os.File // our end of the output pipe, until the pump takes it
	pump *output.Pump
	kept []byte
	more int

	refusal string // why it could not be who it is to be
}

// runHook starts the command of a hook.
func (h *host) runHook(e core.RunHook) {
	h.kids.Spawn(child.Job{Key: child.Key(e.Run), Prepare: func() (*child.Spec, error) { return h.prepareHook(e) }})
}

// killHook ends a command with everything in its process group.
func (h *host) killHook(e core.KillHook) {
	h.kids.SignalThen(child.Key(e.Run), unix.SIGKILL, true, func(err error) {
		if err != nil {
			h.journal.logf(conf.Critical, "the command of a hook cannot be killed: %v", err)
		}
	})
}

// prepareHook makes everything that the command of a hook needs. It runs on the
// goroutine of kids, right before the fork.
func (h *host) prepareHook(e core.RunHook) (_ *child.Spec, err error) {
	r := &hookChild{name: "hook " + e.Hook.Name}
	h.hooks[child.Key(e.Run)] = r
	p := e.Hook.Child
	files, err := h.fromFiles(p)
	if err != nil {
		return nil, err
	}
	argv, path, err := h.command(p, searched(p, files))
	if err != nil {
		return nil, err
	}
	spec := &child.Spec{
		Path: path, Argv: argv, Env: h.hookEnvironment(e, files), Dir: p.Directory, Umask: p.Umask, Cred: credential(p),
	}
	defer func() {
		if err != nil {
			closeAll(spec.Close)
			err = &outputError{err}
		}
	}()
	if spec.Stdin, err = eventFile(e.Input); err != nil {
		return nil, err
	}
	spec.Close = append(spec.Close, spec.Stdin)
	if r.end, spec.Stdout, err = output.Pipe(); err != nil {
		return nil, err
	}
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
func (r *hookChild) start() {
	r.pump = output.Start(r.end, output.Options{OnBytes: r.keep})
	r.end = nil
}

// keep keeps the first of what the command writes, and counts the rest.
func (r *hookChild) keep(p []byte) {
	n := min(len(p), hookOutput-len(r.kept))
	r.kept = append(r.kept, p[:n]...)
	r.more += len(p) - n
}

// hookFailed tells that there is no child.
func (h *host) hookFailed(k child.Key, r *hookChild, err error) {
	delete(h.hooks, k)
	if r.end != nil {
		r.end.Close()
	}
	h.inbox.post(message{in: core.HookEnded{Run: core.ProcID(k), Failure: spawnErrText(r.name, err)}})
}

// hookExited tells of the end of a child when what it wrote has been taken.
func (h *host) hookExited(k child.Key, r *hookChild, ws syscall.WaitStatus) {
	delete(h.hooks, k)
	r.pump.Drain(func() {
		h.inbox.postOutput(message{in: core.HookEnded{
			Run: core.ProcID(k), Failure: r.refusal, Code: child.ExitCode(ws), Text: child.ExitText(ws), Output: r.kept, More: r.more,
		}})
	})
}
