package child_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/proc/child"
)

// roles are the processes that the test binary can be.
var roles = map[string]func(args []string){
	"fd-printer":  func([]string) { fmt.Println(inheritable()) },
	"leaver":      func([]string) { leaveGroup() },
	"orphaner":    func(args []string) { makeOrphans(number(args[0])) },
	"blocker":     blockSignals,
	"deaths":      deathsHost,
	"reset-host":  func(args []string) { printSignals(); child.ResetSignals(); host(args) },
	"marked-host": markedHost,
	"nobody-host": nobodyHost,

	"nobody-regroups": nobodyRegroups,
	"nobody-limits":   nobodyLimits,
	"dying-host":      dyingHost,
	"full-host":       func([]string) { fullHost() },
	"host":            host,
	"moved-host":      movedHost,
	"resolver":        resolver,
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// inheritable lists the open descriptors that an exec keeps: all that we were
// given, and none that we opened.
func inheritable() string {
	var fds []string
	for fd := range 1024 {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			fds = append(fds, strconv.Itoa(fd))
		}
	}
	return strings.Join(fds, " ")
}

// leaveGroup moves to the parent's process group, says so and stays.
func leaveGroup() {
	group, err := syscall.Getpgid(syscall.Getppid())
	must(err)
	must(syscall.Setpgid(0, group))
	fmt.Println("left")
	select {}
}

// makeOrphans leaves n dead children behind, with exit status 7.
func makeOrphans(n int) {
	for range n {
		if forkAndExit(7) != 0 {
			panic("cannot fork")
		}
	}
}

// forkAndExit is the shortest life: a fork without exec, much faster than a
// spawn. Between fork and exit the child is inside raw system calls only.
//
//go:norace
//go:noinline
func forkAndExit(code uintptr) syscall.Errno {
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		for {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, code, 0, 0)
		}
	}
	return errno
}

// blockSignals becomes the test binary in another role, with signals blocked.
func blockSignals(args []string) {
	runtime.LockOSThread()
	var set unix.Sigset_t
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR2, syscall.SIGCHLD, syscall.SIGHUP, syscall.Signal(40)} {
		set.Val[0] |= 1 << (sig - 1)
	}
	must(unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil))
	file, err := os.Executable()
	must(err)
	must(syscall.Exec(file, append([]string{file, "as"}, args...), os.Environ()))
}

// markedHost marks descriptors one way, and is a host then.
func markedHost(args []string) {
	fmt.Println("before:", inheritable())
	child.MarkBy(args[0])
	host(args[1:])
}

// movedHost is a host that has no /proc and has left the directory that it was
// called from.
func movedHost(args []string) {
	child.HideProc()
	must(os.Chdir("/"))
	fmt.Println(child.Self())
	host(args)
}

// resolver says how an unprivileged user's lookup fails.
func resolver(args []string) {
	must(syscall.Setuid(nobody))
	_, err := child.Resolve(args, nil, "")
	fmt.Println(err)
}

// nobodyHost is a host as an unprivileged user.
func nobodyHost(args []string) {
	must(syscall.Setgroups([]int{nobody}))
	must(syscall.Setgid(nobody))
	must(syscall.Setuid(nobody))
	host(args)
}

// nobodyRegroups is an unprivileged user who starts a child with these groups.
func nobodyRegroups(args []string) {
	must(syscall.Setgroups([]int{nobody}))
	must(syscall.Setgid(nobody))
	must(syscall.Setuid(nobody))
	cred := &child.Credential{UID: -1, GID: number(args[0]), Groups: []int{number(args[0]), number(args[1])}, Regroup: true}
	cred.GroupAlone = len(args) > 2
	cred.Optional = cred.GroupAlone
	hostOne([]string{"/bin/id", "-G"}, -1, cred)
}

// nobodyLimits is an unprivileged user who starts a child with limits.
func nobodyLimits(args []string) {
	var limits conf.Limits
	must(json.Unmarshal([]byte(args[0]), &limits))
	must(syscall.Setgroups([]int{nobody}))
	must(syscall.Setgid(nobody))
	must(syscall.Setuid(nobody))
	spec := command(args[1:]...)
	spec.Limits = &limits
	hostSpec(spec)
}

// dyingHost starts a child that is to be told of the host's death, says its pid, and
// stays.
func dyingHost(args []string) {
	spec := command("/bin/sleep", "1000")
	spec.Limits = &conf.Limits{DeathSignal: syscall.SIGUSR1}
	if uid := number(args[0]); uid >= 0 {
		spec.Cred = &child.Credential{UID: uid, GID: uid, Groups: []int{uid}}
	}
	r := hostRig()
	r.start(spec)
	pid := 0
	for e := range r.events {
		switch e.what {
		case "started":
			pid = e.pid
		case "born":
			fmt.Println(pid)
		}
	}
}

// printSignals says what the process has inherited.
func printSignals() {
	status, err := os.ReadFile("/proc/thread-self/status")
	must(err)
	fmt.Println("host:", fields(string(status), "SigBlk", "SigIgn"))
}

// host runs a table for one child: "UMASK UID ARGV...". The child's output is
// the host's; if it exits with a status, so does the host.
func host(args []string) {
	var cred *child.Credential
	if uid := number(args[1]); uid >= 0 {
		cred = &child.Credential{UID: uid, GID: uid, Groups: []int{uid}}
	}
	hostOne(args[2:], number(args[0]), cred)
}

// hostOne runs a table for one child.
func hostOne(argv []string, umask int, cred *child.Credential) {
	spec := command(argv...)
	spec.Umask, spec.Cred = umask, cred
	hostSpec(spec)
}

// hostSpec is hostOne for all that there can be.
func hostSpec(spec child.Spec) {
	spec.Stdin, spec.Stdout, spec.Stderr = os.Stdin, os.Stdout, os.Stderr
	r := hostRig()
	r.start(spec)
	for e := range r.events {
		switch e.what {
		case "failed":
			fmt.Println(e)
			os.Exit(1)
		case "born":
			for _, text := range e.report.Warnings {
				fmt.Println("warned:", text)
			}
			if e.report.Refusal != "" {
				fmt.Println("refused:", e.report.Refusal)
			}
		case "exited":
			os.Exit(child.ExitCode(e.ws))
		}
	}
}

func hostRig() *rig {
	r := &rig{recorder: &recorder{events: make(chan event, 100)}}
	r.Table = child.NewTable(r.recorder)
	go r.Run(context.Background())
	return r
}

// fullHost spawns when no descriptor is left, and again when some are.
func fullHost() {
	must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}))
	r := hostRig()
	for _, umask := range []int{-1, 0o022} {
		var held []int
		for {
			fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
			if err != nil {
				break
			}
			held = append(held, fd)
		}
		spec := command("/bin/echo", "works")
		spec.Umask = umask
		spec.Stdin, spec.Stdout, spec.Stderr = os.Stdin, os.Stdout, os.Stderr
		r.start(spec)
		e := <-r.events
		for _, fd := range held {
			must(syscall.Close(fd))
		}
		if e.what == "failed" {
			_, _ = io.WriteString(os.Stdout, e.what+": "+fmt.Sprint(e.err)+": "+child.ErrnoName(e.err)+"\n")
			r.start(spec)
		}
		for e := range r.events {
			if e.what == "exited" {
				break
			}
		}
	}
}
