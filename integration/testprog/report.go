package main

import (
	"encoding/json"
	"os"
	"syscall"
)

// Report is what a process can say about the world that it was started in.
type Report struct {
	PID, PPID, PGID, SID int
	UID, GID             int
	Groups               []int
	Args, Env            []string
	Dir                  string
	Umask                int
}

// report writes a Report to the file that its argument names, or to stdout,
// and stays.
func report(args []string) {
	umask := syscall.Umask(0)
	syscall.Umask(umask)
	sid, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	if errno != 0 {
		check(errno)
	}
	groups, err := os.Getgroups()
	check(err)
	dir, err := syscall.Getwd()
	check(err)
	r := Report{
		PID: os.Getpid(), PPID: os.Getppid(), PGID: syscall.Getpgrp(), SID: int(sid),
		UID: os.Getuid(), GID: os.Getgid(), Groups: groups,
		Args: os.Args, Env: os.Environ(), Dir: dir, Umask: umask,
	}
	text, err := json.Marshal(r)
	check(err)
	text = append(text, '\n')
	if args[0] == "-" {
		_, err = os.Stdout.Write(text)
		check(err)
	} else {
		check(os.WriteFile(args[0]+".new", text, 0o666))
		check(os.Rename(args[0]+".new", args[0]))
	}
	stay()
}
