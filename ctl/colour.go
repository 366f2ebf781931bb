package ctl

import (
	"fmt"
	"io"
)

// colour is a number of the colour table that every terminal has.
type colour int

const (
	red    colour = 31
	green  colour = 32
	yellow colour = 33
	cyan   colour = 36
)

// stateColour is the colour of a word in the second column of status.
func stateColour(state string) colour {
	switch state {
	case "RUNNING":
		return green
	case "STARTING", "STOPPING", "BACKOFF":
		return yellow
	case "FATAL", "UNKNOWN":
		return red
	case "EXITED", "STOPPED":
		return cyan
	}
	return 0
}

// wantsColour tells whether w shows colours and the user wants to see them: a
// terminal, NO_COLOR not set, and TERM the name of one that is not dumb.
func wantsColour(w any, getenv func(string) string) bool {
	return isTerminal(w) && getenv("NO_COLOR") == "" && smart(getenv)
}

// smart tells whether the terminal obeys escape sequences.
func smart(getenv func(string) string) bool {
	term := getenv("TERM")
	return term != "" && term != "dumb"
}

// paint colours text where colours are wanted; 0 leaves it. The text must be fit
// to print. It is written to s.out, since s.printf would show the escapes.
func (s *session) paint(c colour, text string) string {
	if !s.colours || c == 0 {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", c, text)
}

// warn writes lines to the standard error, without control characters if that
// is a terminal.
func warn(w io.Writer, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if isTerminal(w) {
		text = visible(text, "\n\t")
	}
	fmt.Fprintln(w, text)
}
