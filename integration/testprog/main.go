// Testprog is the program that the integration tests supervise. Its first
// argument chooses what it does; it needs nothing but the kernel, so that it
// also runs in an image that holds nothing else.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var modes = map[string]func(args []string){
	"report":     report,
	"signals":    signals,
	"lines":      lines,
	"words":      words,
	"die":        die,
	"echo":       echo,
	"flood":      flood,
	"orphans":    orphans,
	"zombies":    zombies,
	"grandchild": grandchild,
	"family":     family,
	"nsinit":     nsinit,
	"ownproc":    ownproc,
	"pending":    pending,
	"listen":     listen,
	"comm":       comm,
	"stay":       func([]string) { stay() },
}

func main() {
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "testprog: no such mode")
		os.Exit(64)
	}
	modes[os.Args[1]](os.Args[2:])
}

// stay blocks until a signal ends the process.
func stay() {
	for {
		time.Sleep(time.Hour)
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "testprog:", err)
		os.Exit(70)
	}
}

// signals prints each signal it gets. TERM, INT and QUIT end it with status 0
// after a last line, unless they are named as arguments: then they are only
// printed.
func signals(args []string) {
	only := map[string]bool{}
	for _, a := range args {
		only[a] = true
	}
	got := make(chan os.Signal, 64)
	signal.Notify(got, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT)
	fmt.Println("ready", os.Getpid())
	for s := range got {
		name := signalName(s.(syscall.Signal))
		fmt.Println("got", name)
		switch s {
		case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
			if !only[name] {
				fmt.Println("bye after", name)
				os.Exit(0)
			}
		}
	}
}

func signalName(s syscall.Signal) string {
	names := map[syscall.Signal]string{
		syscall.SIGTERM: "TERM", syscall.SIGINT: "INT", syscall.SIGQUIT: "QUIT", syscall.SIGHUP: "HUP",
		syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2", syscall.SIGWINCH: "WINCH", syscall.SIGCONT: "CONT",
	}
	return names[s]
}

// lines prints N numbered lines of about SIZE bytes under NAME, one write
// each, and stays.
func lines(args []string) {
	name, n, size := args[0], number(args[1]), number(args[2])
	pad := strings.Repeat("x", size)
	for i := 1; i <= n; i++ {
		_, err := fmt.Printf("%s %07d %s\n", name, i, pad)
		check(err)
	}
	fmt.Fprintln(os.Stderr, "lines done")
	stay()
}

// words prints its arguments, one a line: OUT:text, ERR:text; then it stays.
func words(args []string) {
	for _, a := range args {
		channel, text, _ := strings.Cut(a, ":")
		out := os.Stdout
		if channel == "ERR" {
			out = os.Stderr
		}
		_, err := fmt.Fprintln(out, text)
		check(err)
	}
	stay()
}

// die writes N bytes that end in "last words", with no newline, and ends at
// once with STATUS; with KILL instead of a status it kills itself.
func die(args []string) {
	n := number(args[0])
	text := append([]byte(strings.Repeat("z", n)), "last words"...)
	for len(text) > 0 {
		w, err := syscall.Write(1, text)
		check(err)
		text = text[w:]
	}
	if args[1] == "KILL" {
		check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
		stay()
	}
	os.Exit(number(args[1]))
}

// echo repeats each line of its input.
func echo([]string) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fmt.Println("echo", in.Text())
	}
	fmt.Println("end of input")
	stay()
}

// flood writes N mebibytes without a newline, then one newline, and stays.
func flood(args []string) {
	block := []byte(strings.Repeat("f", 1<<20))
	for range number(args[0]) {
		_, err := os.Stdout.Write(block)
		check(err)
	}
	_, err := os.Stdout.WriteString("\n")
	check(err)
	stay()
}
