package main

import (
	"fmt"
	"io"
	"strings"
)

// reasons says of rows that are not what they are to be what the traces show. One
// is printed only where the row was measured so.
var reasons = map[string]string{
	"start1": "A Go program that prints one word and ends takes half of it: the runtime makes its heap and threads, and the first touch of each " +
		"page faults (about 200 of them). Of the rest `perf` shows the initialisation of packages and the reading of the configuration " +
		"with a third each. runit reads no configuration and is 50 kB. That pages are mapped ahead makes no difference where a fault is cheap: by turns, " +
		"1.6 to 1.7 of runit with it and 1.6 to 1.8 without.",
	"start1000": "Of the processor time of such a start `perf` showed, on 2026-11-28, 41 % in the programs themselves and 18 % in fork and exec, which the bare loop has alike. Ours " +
		"are 3 % for the configuration, 5 for three pipes each, 4 for creating two logs, 5 for the scheduler and its monitor, 3 for collecting garbage, 3 for looking " +
		"up files, 2 for the core and its log, and 16 for all else. Both processors are busy all the time, so that this is the difference.",
	"stop100": "Group after group, each when the one before has ended: the order is promised. So does the limit, in C, with nothing else to do. The milliseconds were " +
		"set on a machine where s6, which keeps no order, takes 20; compare what it takes here.",
	"stop1000": "Group after group, each when the one before has ended: the order is promised. So does the limit, in C, with nothing else to do, and on " +
		"one processor. A trace of the scheduler (on a machine where a system call takes a microsecond) shows 90 us for each program until it ends, 30 with the limit; " +
		"290 in which it ends, 180 with the limit, since its pipes wake our poller meanwhile; and 170 to the next kill, 50 with the limit, for the wait, the end of its " +
		"logs and the decision. The milliseconds were set on a machine where s6, which keeps no order, takes 121; compare what it takes here. Waiting for it by name in place of the signal, or for its pidfd, was tried: no faster.",
	"status": "Half of it are the start of supervisorctl, a Go program, and the first touches of its pages; see start1.",
	"callscrash": "30 cannot be reached: 36 calls are the work itself, for a program with two logs: 8 closes, 5 writes, 3 pipes, 2 each of wait4, openat, fstat, newfstatat, epoll_ctl, " +
		"epoll_pwait, ioctl and sigprocmask, and one each of clone3, statfs, faccessat and sigreturn. The rest is the Go runtime's, which wakes and " +
		"parks threads (futex, epoll_pwait) and watches them: its monitor naps for 20 us as long as anything happens, which strace makes long; counted by the kernel " +
		"without strace it is about eight calls less, of the original 47 in all, which has one thread. Keeping pipes or logs from one child to the next would save four to six calls each, " +
		"but what a child leaves behind would write into its successor's log, and a log that was moved away meanwhile would be kept.",
	"line": "A trace of the scheduler has 36 us (half of it the trace) from the program's write to the end of ours, and 11 of them are for a thread " +
		"that nothing needs: at the first system call after a rest the runtime wakes its monitor, which runs before we go on if the processor is the same. Calls that " +
		"the runtime does not know of would spare that, and a disk that hangs would stop everybody. s6-log is one thread in poll.",
	"noisy": "At the bound: four series of one day had 1.45, 1.43, 1.27 and 1.29 of the original. A profile, taken while other work ran, has 93 % of our time in the kernel, which wakes the writers, " +
		"copies and makes pages of the file, and 7 in our binary. Ours reads 64 KiB at a time, as the original does, and the bare copy, with a process for each " +
		"pipe and without rotation, is a tenth faster.",
	"xmlrpc10": "At the bound: four series on such machines had 5.43, 5.20, 4.77 and 4.81 of the original, which answers between 5,000 and 8,235 in a second. A profile, taken while other work ran, has " +
		"73 % of the server's time in the kernel, 57 of them in putting threads to sleep and waking them, and 25 in Go code, the runtime's included. A client and " +
		"a server in C, with one answer known beforehand, wait for one another and come to fewer (row requests10).",
	"orphans": "The limit sleeps in waitpid, and is woken on the processor of the command. Ours hears of each death by SIGCHLD, which wakes two threads, on the other one; " +
		"see Decisions in ARCHITECTURE.md. Series in turn had 1.00 to 1.14 of the limit, with samples that scatter by a fifth.",
	"clients8": "An absolute figure on two processors, which the server shares with its eight clients: other runs of the same binary had 71,000 here and " +
		"114,000 on another machine, as the limit in C goes from 130,000 to 270,000. What the server itself does for a request is a read, a look-up and a write.",
	"log100": "The child and the daemon have a processor each, and whatever else runs takes one from them; the samples scatter, the limit's as well. With one " +
		"processor for both it is 0.9 of the limit. See Decisions in ARCHITECTURE.md for how long a pipe fills.",
	"log64k": "Nine tenths of the time are the kernel's copies from the pipe and into the page cache, for the original as for us; see Decisions in " +
		"ARCHITECTURE.md for splice.",
}

// explain writes the reasons of the rows that need one.
func (b *bench) explain(w io.Writer) {
	head := "\n## Not reached\n\nWhat the traces show of it.\n\n"
	for _, r := range b.rows {
		why := reasons[r.name]
		if r.err == nil && !strings.Contains(r.verdict(), "**no**") {
			continue
		}
		if why == "" {
			why = "no trace explains it yet."
		}
		fmt.Fprintf(w, "%s%s\n", head, wrap(fmt.Sprintf("* **%s**: %s", r.name, why), "  "))
		head = ""
	}
}

// wrap breaks a text into lines of a document.
func wrap(text, indent string) string {
	const width = 130
	var b strings.Builder
	n := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case n+1+len(word) > width:
			b.WriteString("\n" + indent)
			n = len(indent)
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String()
}
