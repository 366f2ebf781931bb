package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// listen is an event listener. It appends each event that it is told to FILE:
// its own pid, the header, and the payload quoted, in one line. Its other arguments are
// what it does with the first events, one after another; it accepts the rest:
//
//	ok      accepts the event
//	fail    rejects it
//	die     ends without an answer
//	hang    never answers
//	slow    answers after a while
//	say:X   answers X, a Go string without its quotes
//	close   closes its input and answers
//	blind   reads no more: it answers, and is ready again, for each USR1
//	line:N  writes N megabytes without a newline, then behaves
//	long:N  answers with a result of N megabytes
//	half    ends in the middle of its answer
//	first:X does X if it is the first process that comes so far, else accepts
func listen(args []string) {
	log, err := os.OpenFile(args[0], os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	check(err)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	say("READY\n")
	for todo := args[1:]; ; {
		header, payload := nextEvent(in)
		_, err = fmt.Fprintf(log, "%d %s %q\n", os.Getpid(), header, payload)
		check(err)
		what := "ok"
		if len(todo) > 0 {
			what, todo = todo[0], todo[1:]
		}
		if first, ok := strings.CutPrefix(what, "first:"); ok {
			if mark, err := os.OpenFile(args[0]+".first", os.O_CREATE|os.O_EXCL, 0o644); err == nil {
				mark.Close()
				what = first
			} else {
				what = "ok"
			}
		}
		answer(what)
		say("READY\n")
	}
}

// nextEvent reads one event. With the end of the input the process ends.
func nextEvent(in *bufio.Reader) (header, payload string) {
	header, err := in.ReadString('\n')
	if err == io.EOF {
		os.Exit(0)
	}
	check(err)
	header = strings.TrimSuffix(header, "\n")
	_, length, _ := strings.Cut(header, " len:")
	left, text := number(length), strings.Builder{}
	for ; left > 0; left-- {
		// Characters, as the original counts them.
		r, _, err := in.ReadRune()
		check(err)
		text.WriteRune(r)
	}
	return header, text.String()
}

// answer does what a word of listen says.
func answer(what string) {
	what, text, _ := strings.Cut(what, ":")
	switch what {
	case "ok":
		say("RESULT 2\nOK")
	case "fail":
		say("RESULT 4\nFAIL")
	case "die":
		os.Exit(3)
	case "hang":
		stay()
	case "slow":
		time.Sleep(300 * time.Millisecond)
		say("RESULT 2\nOK")
	case "blind":
		told := make(chan os.Signal, 16)
		signal.Notify(told, syscall.SIGUSR1)
		for range told {
			say("RESULT 2\nOKREADY\n")
		}
	case "line":
		fill(number(text))
	case "long":
		say(fmt.Sprintf("RESULT %d\n", number(text)<<20))
		fill(number(text))
	case "half":
		say("RESULT 2\nO")
		os.Exit(3)
	case "say":
		text, err := strconv.Unquote(`"` + text + `"`)
		check(err)
		say(text)
	case "close":
		check(os.Stdin.Close())
		say("RESULT 2\nOKREADY\n")
		stay()
	default:
		check(fmt.Errorf("no such answer: %s", what))
	}
}

// fill writes so many megabytes without a newline.
func fill(megabytes int) {
	block := strings.Repeat("f", 1<<20)
	for range megabytes {
		say(block)
	}
}

func say(text string) {
	_, err := os.Stdout.WriteString(text)
	check(err)
}

// comm writes N numbered messages between the tokens that make them events,
// RATE of them a second, and stays.
func comm(args []string) {
	n, rate := number(args[0]), number(args[1])
	begin := time.Now()
	out := bufio.NewWriter(os.Stdout)
	for i := range n {
		_, err := fmt.Fprintf(out, "<!--XSUPERVISOR:BEGIN-->message %d<!--XSUPERVISOR:END-->", i)
		check(err)
		if ahead := time.Duration(i)*time.Second/time.Duration(rate) - time.Since(begin); ahead > 0 {
			check(out.Flush())
			time.Sleep(ahead)
		}
	}
	check(out.Flush())
	fmt.Fprintln(os.Stderr, "comm done")
	stay()
}
