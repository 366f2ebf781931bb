package logfile

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// sample writes a log of 161 bytes.
func sample(t *testing.T) (path, text string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.log")
	text = strings.Repeat("0123456789", 16) + "!"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, text
}

func TestRead(t *testing.T) {
	path, text := sample(t)
	for _, row := range []struct {
		name           string
		offset, length int64
		want           string
		err            error
	}{
		{"the last bytes", -10, 0, text[151:], nil},
		{"more than there is, from the end", -1000, 0, text, nil},
		{"the smallest offset there is", math.MinInt64, 0, text, nil},
		{"a length from the end", -10, 5, "", ErrBadArguments},
		{"a negative length", 0, -1, "", ErrBadArguments},
		{"both negative", -1, -1, "", ErrBadArguments},
		{"all", 0, 0, text, nil},
		{"from an offset to the end", 100, 0, text[100:], nil},
		{"a part", 5, 7, text[5:12], nil},
		{"a part over the end", 155, 100, text[155:], nil},
		{"a length that no memory holds", 1, 1 << 62, text[1:], nil},
		{"the largest offset and length", math.MaxInt64, math.MaxInt64, "", nil},
		{"at the end", 161, 10, "", nil},
		{"beyond the end", 1000, 10, "", nil},
		{"beyond the end, to the end", 1000, 0, "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Read(path, row.offset, row.length)
			if string(got) != row.want || !errors.Is(err, row.err) {
				t.Fatalf("Read(%d, %d) = %q, %v; want %q, %v", row.offset, row.length, got, err, row.want, row.err)
			}
		})
	}
}

func TestTail(t *testing.T) {
	path, text := sample(t)
	for _, row := range []struct {
		name           string
		offset, length int64
		want           string
		overflow       bool
	}{
		{"bytes were passed over", 0, 10, text[151:], true},
		{"no length at the beginning", 0, 0, "", true},
		{"more than there is", 0, 1000, text, false},
		{"beyond the end", 1000, 10, "", false},
		{"a negative offset", -10, 10, text[151:], true},
		{"a negative length", 0, -1, "", true},
		{"bytes before the offset are repeated", 100, 100, text[61:], false},
		{"exactly up to the end", 100, 61, text[100:], false},
		{"at the end", 161, 10, "", false},
		{"the last byte", 0, 1, text[160:], true},
		{"sums over the largest number", math.MaxInt64 - 1, math.MaxInt64, "", false},
		{"a length over the largest number", 1, math.MaxInt64, text, false},
		{"sums under the smallest number", math.MinInt64, math.MinInt64, "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, size, overflow, err := Tail(path, row.offset, row.length)
			if string(got) != row.want || size != 161 || overflow != row.overflow || err != nil {
				t.Fatalf("Tail(%d, %d) = %q, %d, %v, %v; want %q, 161, %v",
					row.offset, row.length, got, size, overflow, err, row.want, row.overflow)
			}
		})
	}
}

func TestReadingWhatIsNoLog(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, path string
		want       error
		size       int64 // what Tail answers to offset 7
	}{
		{"nothing there", filepath.Join(dir, "no"), ErrNoFile, 0},
		{"no directory there", filepath.Join(dir, "no", "no"), ErrNoFile, 0},
		{"a fifo without a writer", fifo, ErrNotRegular, 7},
		{"a device without end", "/dev/zero", ErrNotRegular, 7},
		{"a directory", dir, ErrNotRegular, 7},
		{"a path through a file", "/proc/self/exe/x", syscall.ENOTDIR, 7},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got, err := Read(row.path, 0, 0); len(got) != 0 || !errors.Is(err, row.want) {
				t.Errorf("Read() = %q, %v; want %v", got, err, row.want)
			}
			got, size, overflow, err := Tail(row.path, 7, 10)
			if len(got) != 0 || size != row.size || overflow || !errors.Is(err, row.want) {
				t.Errorf("Tail() = %q, %d, %v, %v; want size %d, %v", got, size, overflow, err, row.size, row.want)
			}
			if err != nil && strings.Count(err.Error(), row.path) != 1 {
				t.Errorf("the error does not name the log once: %v", err)
			}
		})
	}
}

func TestOneReadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<40); err != nil { // a hole: takes no room
		t.Fatal(err)
	}
	for _, row := range []struct {
		name           string
		offset, length int64
	}{
		{"all", 0, 0},
		{"a length", 5, 1 << 39},
		{"the last", -1 << 39, 0},
	} {
		if got, err := Read(path, row.offset, row.length); len(got) != MaxRead || err != nil {
			t.Errorf("%s: %d bytes, %v", row.name, len(got), err)
		}
	}
	if got, size, _, err := Tail(path, 0, 1<<50); len(got) != MaxRead || size != 1<<40 || err != nil {
		t.Errorf("Tail: %d bytes of %d, %v", len(got), size, err)
	}
}

// FuzzRead holds Read and Tail against their tables for any pair of numbers.
func FuzzRead(f *testing.F) {
	text := []byte("the quick brown fox")
	path := filepath.Join(f.TempDir(), "x.log")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		f.Fatal(err)
	}
	f.Add(int64(0), int64(0))
	f.Add(int64(-5), int64(0))
	f.Add(int64(3), int64(1)<<62)
	f.Add(int64(math.MinInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, offset, length int64) {
		got, err := Read(path, offset, length)
		if bad := length < 0 || offset < 0 && length != 0; bad != errors.Is(err, ErrBadArguments) {
			t.Fatalf("Read(%d, %d): %v", offset, length, err)
		}
		if !strings.Contains(string(text), string(got)) {
			t.Fatalf("Read(%d, %d) = %q", offset, length, got)
		}
		tail, size, overflow, err := Tail(path, offset, length)
		if err != nil || size != int64(len(text)) || !strings.HasSuffix(string(text), string(tail)) {
			t.Fatalf("Tail(%d, %d) = %q, %d, %v", offset, length, tail, size, err)
		}
		if overflow && offset > size && length > 0 {
			t.Fatalf("Tail(%d, %d) passed over bytes", offset, length)
		}
	})
}
