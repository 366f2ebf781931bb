package main

import (
	"fmt"
	"io"
	"strings"
)

// reasons says of rows that are not what they are to be what the traces show. One
// is printed only where the row was measured so.
var reasons = map[string]string{
	"start1": "It is at the bound. In a series in which a start takes 4.2 ms, runit's 2.9 and that of a Go program of a few lines which forks the same child 2.6, 2.3 are gone before main " +
		"(0.35 of them fork and exec, the rest the Go runtime and the packages' variables), 1.3 are ours up to the end of the fork, and 0.5 the program's own. 330 pages are touched for the first " +
		"time, 2 us each on that machine, mostly to find and clear them. Series of 2026-11-30, some with steps towards this version, had 1.18 in a broken-off run of all rows, 1.34 to 1.74 in eleven others, six of " +
		"them below 1.5, and 1.6 to 1.9 in three while the host took 12 to 31 % of the processor time. Why they differ so much is not known. Traces are in Decisions in ARCHITECTURE.md.",
	"start1000": "Before several were forked at once, two fifths of its processor time were the programs themselves, and a fifth fork and exec, as with the " +
		"bare loop; see Decisions in ARCHITECTURE.md.",
	"stop100": "Series of the same day had 17 to 25 ms, as the machine was quicker or slower, and 1.8 to 2.1 of the limit. Where the time goes: see " +
		"stop1000.",
	"stop1000": "Group after group, each when the one before has ended: the order is promised. So does the limit, in C, with nothing else to do. In a short " +
		"series, 172 us for each program with the trace on it, the kernel shows 103 from the kill until we run again, in which the program ends, its " +
		"pipes wake our poller, and the signal of its death a thread (the limit needs 83 to 107 for everything); 20 for the ends of its two outputs, " +
		"which are looked into and closed; 22 to wait for it; 7 to close three more files; 14 for the core, on another goroutine; and 6 for the line " +
		"of the log, to a file and to stdout. So three fifths are neither ours nor the order, and beside those the bound leaves next to nothing. The " +
		"milliseconds were set on a machine where s6, which keeps no order, takes 121; compare what it takes here. Waiting for it by name in place of " +
		"the signal, or for its pidfd, was tried: no faster.",
	"status": "Half of it are the start of supervisorctl, a Go program, and the first touches of its pages; see start1.",
	"callscrash": "30 cannot be reached: 36 calls are the work itself, for a program with two logs: 8 closes, 5 writes, 3 pipes, 2 each of wait4, openat, fstat, newfstatat, epoll_ctl, " +
		"epoll_pwait, ioctl and sigprocmask, and one each of clone3, statfs, faccessat and sigreturn. The rest is the Go runtime's, which wakes and " +
		"parks threads (futex, epoll_pwait) and watches them: its monitor naps for 20 us as long as anything happens, which strace makes long; counted by the kernel " +
		"without strace it is about eight calls less, of the original 47 in all, which has one thread. Keeping pipes or logs from one child to the next would save four to six calls each, " +
		"but what a child leaves behind would write into its successor's log, and a log that was moved away meanwhile would be kept.",
	"line": "At the bound: series had 1.2 to 1.5 of s6, and up to 1.9 on a machine where a wake-up takes 6 us. The plainest Go program, which reads a pipe by the runtime's poller and " +
		"writes what it reads, takes 1.6 of the same in C and 1.07 of s6, and 0.86 of ours. What ours does besides: a look at which pipe it is, and an alarm for the case that the disk " +
		"hangs. A trace of the scheduler has 24 us, with the trace on it, from the program's write to the end of ours, and up to 10 of them are for a thread that nothing needs: " +
		"at the first system call after a rest the runtime wakes its monitor, which may run before we go on if the processor is the same. Calls that " +
		"the runtime does not know of would spare that, and a disk that hangs would stop everybody; the monitor as a batch process was tried, see Decisions. s6-log is one thread in poll.",
	"noisy": "It depends on the machine: series had 1.17 to 1.28 of the original on one, 1.32 to 1.38 on others. Nearly all of it is the kernel's copying, and the price of giving all the " +
		"same share: newer runs have, under Besides, what two threads in C reach that take the pipes in turn and do nothing else. On the machine with the lowest figures they had 1.24 of " +
		"the original, so that 1.3 was out of reach there; on another 1.42, of which ours had 0.93. It was no faster with a wait for the same pipe to fill again, while it is in the cache, nor ours with " +
		"pipes of 16, 32 or 128 KiB. The bare copy, with a process for each pipe, reads what was just written by whoever happens to be quickest, and starves others. " +
		"Our own code is 4 % of all.",
	"xmlrpc10": "At the bound: the last series had 5.6 to 6.2 of the original. A request is three system calls, read, write and epoll_pwait, and most of the time goes into putting threads " +
		"to sleep and waking them; the daemon's own code takes 6 us of 27, one more than for a line of JSON.",
	"orphans": "The limit sleeps in waitpid, and is woken on the processor of the command. Ours hears of each death by SIGCHLD, which wakes two threads, on the other one; " +
		"see Decisions in ARCHITECTURE.md. Series in turn had 1.00 to 1.14 of the limit, with samples that scatter by a fifth.",
	"clients8": "An absolute figure on two processors, which the server shares with its eight clients: other runs of the same binary had 71,000 here and " +
		"114,000 on another machine, as the limit in C goes from 130,000 to 420,000. What the server itself does for a request is a read, a look-up " +
		"and a write.",
	"log100": "The child and the daemon have a processor each, and whatever else runs takes one from them; the samples scatter, the limit's as well. With one " +
		"processor for both it is 0.9 of the limit. See Decisions in ARCHITECTURE.md for how long a pipe fills.",
	"log64k": "Nine tenths of the time are the copies of the kernel from the pipe and into the page cache, for the original and the limit as for us; series " +
		"of two days had 0.88 to 0.96 of the limit. See Decisions in ARCHITECTURE.md for splice.",
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
