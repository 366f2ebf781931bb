package serve

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
)

// sockets returns both ends of a connection.
func sockets(t *testing.T, network string) (ours, theirs net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if theirs, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	for _, c := range []net.Conn{ours, theirs} {
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	return ours, theirs
}

func TestABareSocketIsLikeAnyOther(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			ours, theirs := sockets(t, network)
			b := newBare(ours)

			// What comes before the reader, and after.
			buf := make([]byte, 10)
			for _, late := range []bool{false, true} {
				wrote := make(chan struct{})
				write := func() {
					if late {
						time.Sleep(5 * time.Millisecond) // most likely after the read has begun; it must not matter
					}
					if _, err := theirs.Write([]byte("word")); err != nil {
						t.Error(err)
					}
					close(wrote)
				}
				if late {
					go write()
				} else {
					write()
				}
				if n, err := b.read(buf); string(buf[:n]) != "word" || err != nil {
					t.Errorf("read %q, %v", buf[:n], err)
				}
				<-wrote
			}
			if n, err := b.read(nil); n != 0 || err != nil {
				t.Errorf("nothing was read as %d, %v", n, err)
			}
			if n, err := b.write(nil); n != 0 || err != nil {
				t.Errorf("nothing was written as %d, %v", n, err)
			}

			// More than it holds, twice.
			big := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
			for range 2 {
				got := make(chan []byte)
				go func() {
					all := make([]byte, len(big))
					if _, err := io.ReadFull(theirs, all); err != nil {
						t.Error(err)
					}
					got <- all
				}()
				if n, err := b.write(big); n != len(big) || err != nil {
					t.Errorf("wrote %d of %d, %v", n, len(big), err)
				}
				if !bytes.Equal(<-got, big) {
					t.Error("what came is not what was sent")
				}
			}

			// Who always has more keeps the runtime's monitor from everybody else.
			go func() {
				for range 100 {
					if _, err := theirs.Write(make([]byte, 100)); err != nil {
						t.Error(err)
					}
				}
			}()
			for range 10000 {
				if n, err := b.read(buf[:1]); n != 1 || err != nil {
					t.Fatalf("read %d, %v", n, err)
				}
				if b.in.row > bareCalls {
					t.Fatalf("%d calls that nobody is told of", b.in.row)
				}
			}

			// A reader that does not read.
			over := time.AfterFunc(50*time.Millisecond, func() { _ = ours.SetWriteDeadline(time.Unix(1, 0)) })
			n, err := b.write(big)
			for err == nil { // TCP takes a lot
				n, err = b.write(big)
			}
			over.Stop()
			if n >= len(big) || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("wrote %d of %d, %v", n, len(big), err)
			}
			if err := ours.SetReadDeadline(time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
			if n, err := b.read(buf); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read %d, %v, in a time that was over", n, err)
			}
			if err := ours.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}

			// The end.
			if _, err := io.CopyN(io.Discard, theirs, 1); err != nil {
				t.Fatal(err)
			}
			if err := theirs.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if n, err := b.read(buf); n != 0 || err != io.EOF {
				t.Errorf("read %d, %v, want the end", n, err)
			}
			theirs.Close()
			for range 10 { // the kernel may take some before it knows
				if _, err = b.write(big); err != nil {
					break
				}
			}
			if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("writing to nobody: %v", err)
			}
			ours.Close()
			if n, err := b.read(buf); n != 0 || !errors.Is(err, net.ErrClosed) {
				t.Errorf("read %d, %v, of what was closed", n, err)
			}
			if n, err := b.write(buf); n != 0 || !errors.Is(err, net.ErrClosed) {
				t.Errorf("wrote %d, %v, to what was closed", n, err)
			}
		})
	}
}

func TestWhatIsNoSocketIsReadAsEver(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	defer ours.Close()
	if newBare(ours) != nil {
		t.Error("a pipe in memory has a descriptor")
	}
}

// Whoever may connect must not hold up a thread with a file that we do not want.
func TestAClientMayNotBringOpenFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, lerr := ListenOptions{Timeout: patience}.listenUnix(conf.HTTPServer{File: path, Mode: 0o600, OwnerUID: -1, OwnerGID: -1})
	if lerr != nil {
		t.Fatal(lerr)
	}
	defer l.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	_, _, err = conn.(*net.UnixConn).WriteMsgUnix([]byte("x"), unix.UnixRights(1), nil)
	refused := errors.Is(err, unix.EPERM)
	if err != nil && !refused {
		t.Fatal(err)
	}
	if b := newBare(ours); b.in.told == refused && !watched {
		t.Errorf("files are refused: %v; the runtime is told of reads: %v", refused, b.in.told)
	} else if b.out.told != watched {
		t.Error("the runtime is told of writes")
	}
	if _, err := conn.Write([]byte("word")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	for got := ""; !strings.HasSuffix(got, "word"); {
		n, err := newBare(ours).read(buf)
		if err != nil {
			t.Fatalf("read %q, %v", got, err)
		}
		got += string(buf[:n])
	}
}
