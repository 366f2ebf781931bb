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
		"with a third each. runit reads no configuration and is 50 kB.",
	"start1000": "`strace -c` has, for a program with two logs, three pipes, two files and their registration beside the fork and exec that the bare loop has " +
		"alone; all of it is done before the program lives, so that none of its first lines has nowhere to go.",
	"status": "Half of it are the start of supervisorctl, a Go program, and the first touches of its pages; see start1.",
	"callscrash": "A trace of a crash and restart with 113 calls in all had 32 nanosleep of the runtime's monitor, which runs while anything runs (strace makes " +
		"everything slow, so there are more of them than without), 18 futex of goroutines that wake each other's threads, 8 each of " +
		"epoll_pwait, epoll_ctl and close, 5 write, 4 fcntl, 3 pipe2, and 27 others, among them the fork, the exec's look-up, the waits and the opening of two " +
		"logs. Keeping the pipes from one child to the next would save a tenth, but what a child leaves behind would write into its successor's log.",
	"line": "The write of a line wakes a thread that sleeps in epoll_wait; strace shows one futex more, by which the runtime wakes its monitor at the first " +
		"system call after a rest. s6-log is one thread in poll.",
	"noisy": "The kernel's slices: a program may write for a whole one while its pipe is emptied, and two processors have few slices to give. A bare copy " +
		"from pipes to files in C shares less evenly still. Tried without effect: taking turns by epoll, one goroutine for all pipes, yielding before each turn.",
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
