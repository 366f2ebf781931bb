package logfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOutputAccumulatesOverCloseAndOpen(t *testing.T) {
	f := newLog(t, Spec{})
	write(t, f, "one\n")
	if err := f.Open(); err != nil { // open already: nothing happens
		t.Fatal(err)
	}
	write(t, f, "two\n")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write([]byte("lost")); n != 0 || !errors.Is(err, ErrClosed) {
		t.Fatalf("Write on a closed log = %d, %v", n, err)
	}
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "three\n")
	wantFile(t, f.Path(), "one\ntwo\nthree\n")
	if size, err := f.Size(); size != 14 || err != nil {
		t.Fatalf("Size() = %d, %v", size, err)
	}
}

func TestModeOfANewFile(t *testing.T) {
	defer unix.Umask(unix.Umask(0o022))
	for _, row := range []struct {
		name string
		mode os.FileMode
		want os.FileMode
	}{
		{"the default is 0666 less the umask", 0, 0o644},
		{"an AUTO log is its owner's", AutoMode, 0o600},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newLog(t, Spec{Mode: row.mode, MaxBytes: 4, Backups: 1})
			check := func(when string) {
				t.Helper()
				st, err := os.Stat(f.Path())
				if err != nil || st.Mode().Perm() != row.want {
					t.Fatalf("mode %s = %v, %v; want %v", when, st.Mode(), err, row.want)
				}
			}
			check("at first")
			write(t, f, "12345")
			check("after a rotation")
			if err := f.Clear(); err != nil {
				t.Fatal(err)
			}
			check("after clearing")
		})
	}
}

func TestDescriptorIsCloseOnExec(t *testing.T) {
	f := newLog(t, Spec{})
	flags, err := unix.FcntlInt(uintptr(f.file.(plain)), unix.F_GETFD, 0)
	if err != nil {
		t.Fatal(err)
	}
	if flags&unix.FD_CLOEXEC == 0 {
		t.Fatal("a child would inherit the log")
	}
}

func TestOpenSaysWhyItFailed(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, path string
		want       syscall.Errno
	}{
		{"the directory is not there", filepath.Join(dir, "no", "x.log"), syscall.ENOENT},
		{"the path is a directory", dir, syscall.EISDIR},
		{"the path is a circle of links", loop, syscall.ELOOP},
		{"the directory is a file", "/proc/self/exe/x.log", syscall.ENOTDIR},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := New(Spec{Path: row.path})
			err := f.Open()
			if !errors.Is(err, row.want) {
				t.Fatalf("Open() = %v, want %v", err, row.want)
			}
			if !strings.HasPrefix(err.Error(), "open log ") || strings.Count(err.Error(), row.path) != 1 {
				t.Fatalf("Open() = %q", err)
			}
		})
	}
}

func TestReopenFollowsARename(t *testing.T) {
	f := newLog(t, Spec{})
	write(t, f, "one\n")
	moved := f.Path() + ".moved"
	if err := os.Rename(f.Path(), moved); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two\n")
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "three\n")
	wantFile(t, moved, "one\ntwo\n")
	wantFile(t, f.Path(), "three\n")
}

func TestReopenThatFailsKeepsTheOldFile(t *testing.T) {
	f := newLog(t, Spec{})
	moved := f.Path() + ".moved"
	if err := os.Rename(f.Path(), moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(f.Path(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); !errors.Is(err, syscall.EISDIR) {
		t.Fatalf("Reopen() = %v", err)
	}
	write(t, f, "kept\n")
	wantFile(t, moved, "kept\n")
}

func TestReopenLeavesAClosedLogClosed(t *testing.T) {
	f := New(Spec{Path: filepath.Join(t.TempDir(), "x.log")})
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, f.Path())
}

func TestDeletionByHandIsTolerated(t *testing.T) {
	for _, row := range []struct {
		name   string
		repair func(f *File) error
	}{
		{"until a reopen", (*File).Reopen},
		{"until a clear", (*File).Clear},
		{"until the next start", func(f *File) error { return errors.Join(f.Close(), f.Open()) }},
		{"until a rotation", func(f *File) error { _, err := f.Write([]byte("0123456789")); return err }},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newLog(t, Spec{MaxBytes: 10, Backups: 1})
			if err := os.Remove(f.Path()); err != nil {
				t.Fatal(err)
			}
			write(t, f, "gone")
			wantAbsent(t, f.Path())
			if err := row.repair(f); err != nil {
				t.Fatal(err)
			}
			write(t, f, "back")
			wantFile(t, f.Path(), "back")
			wantAbsent(t, f.Path()+".1")
		})
	}
}

func TestClear(t *testing.T) {
	t.Run("an open log goes on from nothing, in a new file", func(t *testing.T) {
		f := newLog(t, Spec{})
		write(t, f, "old")
		old, err := os.Open(f.Path())
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		if err := f.Clear(); err != nil {
			t.Fatal(err)
		}
		wantFile(t, f.Path(), "")
		write(t, f, "new")
		wantFile(t, f.Path(), "new")
		if st, _ := old.Stat(); st.Size() != 3 {
			t.Fatalf("the old file was changed: %d bytes", st.Size())
		}
	})
	t.Run("a closed log is emptied and stays closed", func(t *testing.T) {
		f := newLog(t, Spec{})
		write(t, f, "old")
		f.Close()
		if err := f.Clear(); err != nil {
			t.Fatal(err)
		}
		wantFile(t, f.Path(), "")
		if _, err := f.Write([]byte("x")); !errors.Is(err, ErrClosed) {
			t.Fatalf("Write() = %v", err)
		}
	})
	t.Run("a closed log that is not there is not made", func(t *testing.T) {
		f := New(Spec{Path: filepath.Join(t.TempDir(), "x.log")})
		if err := f.Clear(); err != nil {
			t.Fatal(err)
		}
		wantAbsent(t, f.Path())
	})
	t.Run("a directory is an error", func(t *testing.T) {
		f := New(Spec{Path: t.TempDir()})
		if err := f.Clear(); !errors.Is(err, syscall.EISDIR) {
			t.Fatalf("Clear() = %v", err)
		}
	})
	t.Run("rotated files stay", func(t *testing.T) {
		f := newLog(t, Spec{MaxBytes: 3, Backups: 1})
		write(t, f, "old")
		if err := f.Clear(); err != nil {
			t.Fatal(err)
		}
		wantFile(t, f.Path()+".1", "old")
	})
}

func TestDevicesAreOnlyWrittenTo(t *testing.T) {
	dir := t.TempDir()
	// Devices of our own: a mistake must not cost the machine its /dev.
	null, full := filepath.Join(dir, "null"), filepath.Join(dir, "full")
	for path, minor := range map[string]uint32{null: 3, full: 7} {
		if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor))); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(null, link); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, path string
		want       error
	}{
		{"null", null, nil},
		{"a link to null", link, nil},
		{"full", full, syscall.ENOSPC},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newLog(t, Spec{Path: row.path, MaxBytes: 1, Backups: 3})
			if f.Regular() {
				t.Fatal("taken for a regular file")
			}
			for range 3 {
				if _, err := f.Write([]byte("text")); !errors.Is(err, row.want) {
					t.Fatalf("Write() = %v", err)
				}
			}
			if err := f.Clear(); err != nil {
				t.Fatal(err)
			}
			if err := f.Reopen(); err != nil {
				t.Fatal(err)
			}
			wantFiles(t, dir, "full", "link", "null")
			if st, err := os.Stat(row.path); err != nil || st.Mode()&os.ModeCharDevice == 0 {
				t.Fatalf("it is a device no longer: %v, %v", st.Mode(), err)
			}
		})
	}
}

func TestFifo(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	f := newLog(t, Spec{Path: fifo, MaxBytes: 1, Backups: 1}) // must not wait for a reader
	write(t, f, "early ")
	r, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write(t, f, "late")
	got := make([]byte, 100)
	n, err := r.Read(got)
	if string(got[:n]) != "early late" || err != nil {
		t.Fatalf("read %q, %v", got[:n], err)
	}

	// A writer that waits for the reader is let go by Close.
	ended := make(chan error)
	go func() {
		_, err := f.Write(make([]byte, 1<<20))
		ended <- err
	}()
	within(t, "the fifo is full", func() bool {
		rc, _ := r.SyscallConn()
		queued := 0
		rc.Control(func(fd uintptr) { queued, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
		return queued >= 64<<10
	})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Fatal("the write was not ended")
	}
}

func TestProblemsAreToldOnceEach(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	var told []Problem
	f := newLog(t, Spec{Path: filepath.Join(dir, "x.log"), OnProblem: func(p Problem) { told = append(told, p) }})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 32<<10), 0o600); err != nil {
		t.Fatal(err)
	}

	var want strings.Builder
	lost := 0
	chunk := strings.Repeat("x", 999) + "\n"
	for range 60 { // 32 KiB are left
		n, err := f.Write([]byte(chunk))
		if (err == nil) != (n == len(chunk)) || err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Write() = %d, %v", n, err)
		}
		want.WriteString(chunk[:n])
		lost += len(chunk) - n
	}
	if len(told) != 1 || !errors.Is(told[0].Err, syscall.ENOSPC) || told[0].Path != f.Path() {
		t.Fatalf("told %v, want the one failure", told)
	}
	if want.Len() != 32<<10 {
		t.Fatalf("%d bytes fitted, want all 32 KiB", want.Len())
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		write(t, f, "again\n")
		want.WriteString("again\n")
	}
	if len(told) != 2 || told[1].Err != nil || told[1].Lost != int64(lost) {
		t.Fatalf("told %v, want the recovery with %d lost", told, lost)
	}
	wantFile(t, f.Path(), want.String())
	f.Close()
}

func TestWatch(t *testing.T) {
	f := newLog(t, Spec{MaxBytes: 1 << 20})
	wake, stop := f.Watch()
	woken := func() bool {
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	if woken() {
		t.Fatal("woken for nothing")
	}
	for _, row := range []struct {
		name string
		do   func() error
	}{
		{"a write", func() error { _, err := f.Write([]byte("x")); return err }},
		{"a clear", f.Clear},
		{"a reopen", f.Reopen},
	} {
		for range 3 {
			if err := row.do(); err != nil {
				t.Fatal(err)
			}
		}
		if !woken() {
			t.Fatalf("not woken by %s", row.name)
		}
		if woken() {
			t.Fatalf("woken again by %s", row.name)
		}
	}
	stop()
	write(t, f, "x")
	if woken() {
		t.Fatal("woken after stop")
	}
}

// Clear and Reopen hold the lock while they wait for a disk, and who asks must not.
func TestWhetherItIsRegularIsToldAtOnce(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for name, row := range map[string]struct {
		log          *File
		open, closed bool
	}{
		"a file": {New(Spec{Path: filepath.Join(t.TempDir(), "log")}), true, true},
		"a fifo": {New(Spec{Path: fifo}), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := row.log
			if err := f.Open(); err != nil {
				t.Fatal(err)
			}
			f.mu.Lock()
			told := make(chan bool, 1)
			go func() { told <- f.Regular() }()
			select {
			case got := <-told:
				if got != row.open {
					t.Errorf("open: got %v", got)
				}
			case <-time.After(10 * time.Second):
				t.Error("it waits for the lock")
			}
			f.mu.Unlock()
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if got := f.Regular(); got != row.closed {
				t.Errorf("closed: got %v", got)
			}
		})
	}
}

func TestADeviceIsNoRegularFileForWhoAsksForOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	log := New(Spec{Path: path})
	write := func(text string, want bool) {
		t.Helper()
		n, ok, err := log.WriteRegular([]byte(text))
		if ok != want || want && n != len(text) && err == nil {
			t.Fatalf("%q: wrote %d, %v, %v", text, n, ok, err)
		}
	}
	write("lost", true) // none is open: an error, and no device
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	write("one", true)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := log.Reopen(); err != nil {
		t.Fatal(err)
	}
	if log.Regular() {
		t.Error("after Reopen a fifo counts as regular")
	}
	write("two", false)
	if err := log.CloseRegular(); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := log.Write([]byte("three")); err != nil {
		t.Fatalf("the fifo was closed: %v", err)
	}
	got := make([]byte, 16)
	if n, err := reader.Read(got); err != nil || string(got[:n]) != "three" {
		t.Errorf("the fifo has %q, %v", got[:n], err)
	}
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}
	if err := log.Reopen(); err != nil {
		t.Fatal(err)
	}
	if !log.Regular() {
		t.Error("after Reopen a file counts as a device")
	}
	write("four", true)
	if err := log.CloseRegular(); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Write(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("the file was not closed: %v", err)
	}
	if all, _ := os.ReadFile(path); string(all) != "onefour" {
		t.Errorf("the file has %q", all)
	}
}
