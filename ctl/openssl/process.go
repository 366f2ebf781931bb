package openssl

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// usualPath is where programs are when nobody says it.
const usualPath = "/usr/local/bin:/usr/bin:/bin"

// find returns where the program is. It is no matter where somebody else could
// put it: places that are not absolute do not count.
func find() (string, error) {
	path, given := os.LookupEnv("PATH")
	if !given {
		path = usualPath
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file := filepath.Join(dir, "openssl")
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && unix.Access(file, unix.X_OK) == nil {
			return file, nil
		}
	}
	return "", &Error{Kind: ErrMissing}
}

// environment is what the program has of ours: where its settings, its modules
// and its authorities are. It speaks the language that we read.
func environment() []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES", "OPENSSL_ENGINES",
		"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// process is the program while it runs.
type process struct {
	proc *os.Process
	gone chan struct{} // closed when it has been waited for
	code int           // then: its exit status, -1 for a signal
}

// start runs the program and hears what it says. The goroutine that starts it
// keeps its thread until the program is gone, because that thread's end would
// be its own: the system kills it then, so it never outlives us.
func start(path string, args []string, in, out *os.File) (*process, *words, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer to.Close()
	// Ours are closed in any program that we run, but not what we were given.
	if err := keepToUs(unix.CloseRange); err != nil {
		from.Close()
		return nil, nil, &Error{Kind: ErrFailed, Text: err.Error()}
	}
	p := &process{gone: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		proc, err := os.StartProcess(path, append([]string{"openssl"}, args...), &os.ProcAttr{
			Env: environment(), Files: []*os.File{in, out, to},
			Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
		})
		p.proc = proc
		started <- err
		if err == nil {
			p.code = -1
			if state, err := proc.Wait(); err == nil {
				p.code = state.ExitCode()
			}
			close(p.gone)
		}
	}()
	if err := <-started; err != nil {
		from.Close()
		return nil, nil, &Error{Kind: ErrFailed, Text: err.Error()}
	}
	return p, hear(from, p), nil
}

// firstGiven is the first descriptor that no program is meant to get.
const firstGiven = 3

// keepToUs has all descriptors but the standard ones closed in programs that we run.
// Before Linux 5.11 closeRange, which is that of the system, cannot do that, nor where a
// filter forbids it; then they are marked one by one.
func keepToUs(closeRange func(first, last, flags uint) error) error {
	if closeRange(firstGiven, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("cannot keep open files from it: %v", err)
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd < firstGiven {
			continue
		}
		// One that is gone by now is no matter: that of the directory itself was ours.
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil && err != unix.EBADF {
			return fmt.Errorf("cannot keep descriptor %d from it: %v", fd, err)
		}
	}
	return nil
}

// end waits for the program, which it kills when it takes longer.
func (p *process) end(grace time.Duration) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.gone:
	case <-timer.C:
		p.proc.Kill() // by its descriptor, or not at all when it has been waited for
		<-p.gone
	}
}
