package relay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

const (
	ready = "READY\n"
	taken = "RESULT 2\nOK"

	// longestHeader bounds the line before an event.
	longestHeader = 64 << 10
)

// Main takes events until there are no more, and returns the exit code.
func Main(stdin io.Reader, stdout, stderr io.Writer) int {
	err := take(stdin, stdout)
	if errors.Is(err, io.EOF) {
		return 0
	}
	fmt.Fprintf(stderr, "Error: %v\n", err)
	if errors.Is(err, os.ErrInvalid) {
		fmt.Fprint(stderr, "supervisor_stdout is started by supervisord, as the command of an [eventlistener:x] section\n")
	}
	return 1
}

// take takes one event after the other. The answer to one and the readiness for
// the next are one write. It ends with an error only, io.EOF being the good one.
func take(stdin io.Reader, stdout io.Writer) error {
	in := bufio.NewReaderSize(stdin, longestHeader)
	if _, err := io.WriteString(stdout, ready); err != nil {
		return err
	}
	for {
		header, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("the line before an event has more than %d bytes: %w", longestHeader, os.ErrInvalid)
		}
		if err != nil {
			return err
		}
		length, err := payloadLength(string(header))
		if err != nil {
			return err
		}
		for range length {
			if _, _, err := in.ReadRune(); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(stdout, taken+ready); err != nil {
			return err
		}
	}
}

// payloadLength returns how many characters follow a header.
func payloadLength(header string) (int, error) {
	for word := range strings.FieldsSeq(header) {
		if value, ok := strings.CutPrefix(word, "len:"); ok {
			if n, err := strconv.Atoi(value); err == nil && n >= 0 {
				return n, nil
			}
		}
	}
	return 0, fmt.Errorf("no length of an event in %.100q: %w", header, os.ErrInvalid)
}
