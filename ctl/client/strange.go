package client

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gosupervisor/ctl/http1"
)

// maxShown is how much of what a strange server says is shown.
const maxShown = 60

// visible makes what a server sent fit to print: all beyond ASCII is escaped, which is
// more than a terminal obeys, because nobody knows what speaks there.
func visible(text string) string {
	if len(text) > maxShown {
		text = text[:maxShown] + "..."
	}
	quoted := strconv.QuoteToASCII(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// beginning returns how what r holds begins: its first line, or less.
func beginning(r *bufio.Reader) string {
	text, _ := r.Peek(min(maxShown, max(1, r.Buffered())))
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimRight(line, "\r")
}

// strangeAnswer says that what answers is no server that we know.
func (c *Client) strangeAnswer(text string) *Error {
	if strings.HasPrefix(text, "\x15\x03") {
		return c.wantsTLS("its answer is one of TLS")
	}
	return c.fail(ErrNotSupervisor, fmt.Sprintf("its answer begins with %s", strconv.QuoteToASCII(text)),
		hintStrange)
}

const hintStrange = "something else than supervisord listens there: check the URL"

// wantsTLS says that the server wants another kind of URL.
func (c *Client) wantsTLS(detail string) *Error {
	_, rest, _ := strings.Cut(c.url, "://")
	return c.fail(ErrNotSupervisor, detail, "it wants TLS: give -s https://"+rest)
}

// badAnswer words that what came is no answer of HTTP. It was read from in.
func (c *Client) badAnswer(err *http1.Error, in *bufio.Reader) error {
	if errors.Is(err, http1.ErrNotHTTP) {
		return c.strangeAnswer(beginning(in))
	}
	return c.fail(ErrNotSupervisor, err.Text, hintStrange)
}
