package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// ExecName is the argv[0] under which our binary is to call ExecMain. It is the
// name of no command that a person runs.
const ExecName = "supervisord-exec"

const (
	execWord = "spawn" // the first argument of the applet
	statusFD = 3       // open until the final exec, unless the child inherits descriptors
)

// procSelf is our binary, even if its file has been moved or replaced since.
var procSelf = "/proc/self/exe"

// selfPath is where our binary is if there is no /proc: as the process was
// called, worked out before anybody changes the working directory.
var selfPath = locateSelf()

func locateSelf() string {
	if len(os.Args) == 0 {
		return ""
	}
	file, err := LookPath(os.Args[0], os.Getenv("PATH"))
	if err != nil {
		return ""
	}
	if file, err = filepath.Abs(file); err != nil {
		return ""
	}
	return file
}

// request is what the applet is told. It travels in plain arguments, because
// paths and arguments may hold any byte but NUL:
//
//	supervisord-exec spawn "UMASK CRED UID GID ERRNO STATUS FOREGROUND GROUP..." LIMITS DIR PATH ARGV...
//
// UMASK, UID and GID are -1 to inherit. CRED says what there is of a Credential.
// ERRNO, unless 0, is the reason why PATH cannot be executed, which then is only to
// be reported. STATUS is the descriptor that is open until the final exec.
// FOREGROUND is 1 to take the terminal. LIMITS is JSON, or empty.
type request struct {
	spec    *Spec
	files   []uintptr
	failure syscall.Errno
	status  int
	enter   bool       // it has to go to its control group itself
	limits  limitsWire // in the applet
}

// The bits of CRED.
const (
	credGiven = 1 << iota
	credGroups
	credRegroup
	credGroupAlone
	credOptional
)

func (r request) argv() []string {
	cred, uid, gid := 0, -1, -1
	var groups []int
	if c := r.spec.Cred; c != nil {
		cred, uid, gid, groups = credGiven, c.UID, c.GID, c.Groups
		if groups != nil {
			cred |= credGroups
		}
		if c.Regroup {
			cred |= credRegroup
		}
		if c.GroupAlone {
			cred |= credGroupAlone
		}
		if c.Optional {
			cred |= credOptional
		}
	}
	foreground := 0
	if r.spec.Foreground {
		foreground = 1
	}
	numbers := fmt.Sprint(r.spec.Umask, " ", cred, " ", uid, " ", gid, " ", int(r.failure), " ", r.status, " ", foreground)
	for _, g := range groups {
		numbers += " " + strconv.Itoa(g)
	}
	argv := []string{ExecName, execWord, numbers, wireLimits(r.spec, r.enter), r.spec.Dir, r.spec.Path}
	if r.failure != 0 {
		return append(argv, r.spec.Argv[:min(1, len(r.spec.Argv))]...)
	}
	return append(argv, r.spec.Argv...)
}

// environ returns the environment for the applet: the child's own, every entry
// behind its number. So no entry (GODEBUG, GOMEMLIMIT) means anything to the
// applet's runtime, none is taken for a duplicate, and, unlike arguments, none
// can be read by other users meanwhile.
func (r request) environ() []string {
	if r.failure != 0 {
		return nil
	}
	env := make([]string, len(r.spec.Env))
	for i, entry := range r.spec.Env {
		env[i] = strconv.Itoa(i) + ":" + entry
	}
	return env
}

// errRequest says that the applet was not called by a Table.
var errRequest = errors.New(ExecName + " is internal to supervisord and cannot be run by itself")

// parseRequest undoes request.argv (without its first element).
func parseRequest(args []string) (r request, err error) {
	if len(args) < 5 || args[0] != execWord {
		return r, errRequest
	}
	var numbers []int
	for _, word := range strings.Fields(args[1]) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return r, errRequest
		}
		numbers = append(numbers, n)
	}
	if len(numbers) < 7 || numbers[5] < statusFD {
		return r, errRequest
	}
	r.spec = &Spec{Umask: numbers[0], Dir: args[3], Path: args[4], Argv: args[5:], Foreground: numbers[6] == 1}
	if cred := numbers[1]; cred&credGiven != 0 {
		r.spec.Cred = &Credential{
			UID: numbers[2], GID: numbers[3],
			Regroup: cred&credRegroup != 0, GroupAlone: cred&credGroupAlone != 0, Optional: cred&credOptional != 0,
		}
		if cred&credGroups != 0 {
			r.spec.Cred.Groups = numbers[7:]
		}
	}
	if args[2] != "" {
		if json.Unmarshal([]byte(args[2]), &r.limits) != nil {
			return r, errRequest
		}
		r.spec.Limits = &r.limits.Limits
	}
	r.failure, r.status = syscall.Errno(max(0, numbers[4])), numbers[5]
	return r, nil
}

// parseEnviron undoes request.environ.
func parseEnviron(entries []string) ([]string, error) {
	env := make([]string, 0, len(entries))
	for _, entry := range entries {
		_, value, found := strings.Cut(entry, ":")
		if !found {
			return nil, errRequest
		}
		env = append(env, value)
	}
	return env, nil
}

// ExecMain is the applet: it makes the process that it runs in what the Spec of
// a spawn asks for, and executes the final program. args are the arguments
// after argv[0]. It returns, with an exit status, only if that failed.
func ExecMain(args []string) int {
	r, err := parseRequest(args)
	if err == nil {
		r.spec.Env, err = parseEnviron(syscall.Environ())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "Error: %v\n", err)
		return 2
	}
	syscall.CloseOnExec(r.status)
	runtime.LockOSThread() // much of what is set is the thread's, which becomes the program
	if r.spec.Foreground {
		takeTerminal()
	}
	complain(r.perform())
	return failed
}

// perform takes the steps of the original's child, in its order, and those of limits
// around them. It returns only with the text of the step that failed.
func (r request) perform() string {
	s := r.spec
	refusal := ""
	l := &limiter{limitsWire: r.limits}
	l.failed = func(format string, args ...any) bool {
		text := fmt.Sprintf(format, args...)
		if !l.Strict {
			r.tell(warningMark, "cannot set "+text)
			return true
		}
		refusal = text
		r.tell(refusalMark, "cannot set "+text+" (limits_strict=true)")
		return false
	}
	if l.Enter {
		if why := l.enter(); why != "" {
			r.tell(outsideMark, why)
		}
	}
	if !l.beforeUser() {
		return "couldn't set " + refusal
	}
	if s.Cred != nil {
		if f := become(s.Cred); f != nil && f.without(s.Cred) != "" {
			r.tell(warningMark, f.without(s.Cred))
		} else if f != nil {
			r.tell(refusalMark, f.why(s.Cred))
			return fmt.Sprintf("couldn't set%s: %s", f.target(s.Cred), f.text)
		}
	}
	if !l.afterUser() {
		return "couldn't set " + refusal
	}
	if s.Dir != "" {
		if err := syscall.Chdir(s.Dir); err != nil {
			return fmt.Sprintf("couldn't chdir to %s: %s", s.Dir, ErrnoName(err))
		}
	}
	if s.Umask >= 0 {
		syscall.Umask(s.Umask)
	}
	if !l.last() {
		return "couldn't set " + refusal
	}
	r.tell(sureMark, "")
	var err error = r.failure
	if r.failure == 0 {
		err = l.exec(s)
	}
	return cannotExec(s) + ErrnoName(err)
}

// cannotExec begins the text of the last step's failure.
func cannotExec(s *Spec) string {
	name := s.Path
	if len(s.Argv) > 0 {
		name = s.Argv[0]
	}
	return "couldn't exec " + name + ": "
}

// What a child that could not become its program leaves.
const (
	failed     = 127 // its exit status
	said       = "supervisor: "
	notSpawned = "\nsupervisor: child process was not spawned\n"
)

// complain tells the child's stderr what failed. If nobody listens there, the
// exit status still tells that something did.
func complain(what string) {
	_, _ = os.Stderr.WriteString(said + what + notSpawned)
}
