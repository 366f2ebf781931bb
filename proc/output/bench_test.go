package output

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/proc/logfile"
)

// BenchmarkPump measures a pump into a rotating file against a loop that does
// nothing but read and write, for a program that writes large or small pieces.
func BenchmarkPump(b *testing.B) {
	for _, size := range []int{100, 4 << 10, 64 << 10} {
		b.Run("bare loop/"+strconv.Itoa(size), func(b *testing.B) {
			r, w, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			fd := int(r.Fd()) // blocking
			file, err := os.OpenFile(filepath.Join(b.TempDir(), "x.log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
			if err != nil {
				b.Fatal(err)
			}
			defer file.Close()
			out := int(file.Fd())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				buffer := make([]byte, chunk)
				for total := 0; ; {
					n, _ := unix.Read(fd, buffer)
					if n <= 0 {
						return
					}
					unix.Write(out, buffer[:n])
					if total += n; total >= 10<<20 { // as much of the disk as the other
						unix.Ftruncate(out, 0)
						total = 0
					}
				}
			}()
			produce(b, int(w.Fd()), size)
			w.Close()
			<-ended
			r.Close()
		})
		for name, sinks := range map[string]func(file Sink) []Sink{
			"pump":                    func(file Sink) []Sink { return []Sink{file} },
			"pump into nothing":       func(Sink) []Sink { return nil },
			"pump into a ring":        func(Sink) []Sink { return []Sink{NewRing(64 << 10)} },
			"pump into file and ring": func(file Sink) []Sink { return []Sink{file, NewRing(64 << 10)} },
			"pump into prefix":        func(Sink) []Sink { return []Sink{formatted(b, conf.LogPrefix)} },
			"pump into json":          func(Sink) []Sink { return []Sink{formatted(b, conf.LogJSON)} },
		} {
			b.Run(name+"/"+strconv.Itoa(size), func(b *testing.B) {
				sink := NewFileSink(logfile.New(logfile.Spec{
					Path: filepath.Join(b.TempDir(), "x.log"), MaxBytes: 10 << 20, Backups: 1,
				}))
				if err := sink.Open(); err != nil {
					b.Fatal(err)
				}
				defer sink.Close()
				r, w := pipe(b)
				pump := Start(r, Options{Sinks: sinks(sink)})
				produce(b, int(w.Fd()), size)
				w.Close()
				ended := make(chan struct{})
				pump.Drain(func() { close(ended) })
				<-ended
			})
		}
	}
}

// BenchmarkSinks measures what a sink costs for each piece, as a pump gives it
// one: the ring beside the sinks that it stands in for or comes with.
func BenchmarkSinks(b *testing.B) {
	file := NewFileSink(logfile.New(logfile.Spec{Path: filepath.Join(b.TempDir(), "x.log"), MaxBytes: 10 << 20, Backups: 1}))
	if err := file.Open(); err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	tapped := NewRing(64 << 10)
	feed := NewFeed(256 << 10)
	tapped.Tap(logfile.Backlog{}, feed.Source(1).Write)
	for _, s := range []struct {
		name string
		sink Sink
	}{
		{"file", file}, {"descriptor", NewStream(int(null.Fd()))}, {"ring", NewRing(64 << 10)},
		{"ring with a reader that does not read", tapped},
	} {
		for _, size := range []int{100, 4 << 10, 64 << 10} {
			b.Run(s.name+"/"+strconv.Itoa(size), func(b *testing.B) {
				p := append(bytes.Repeat([]byte("x"), size-1), '\n')
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					s.sink.Write(p, Urgent)
				}
			})
		}
	}
}

// BenchmarkLines measures what a form costs for each piece of a pump: raw is
// none, everything into a descriptor that takes all.
func BenchmarkLines(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	text := []byte(strings.Repeat("2026-11-22 10:00:00 GET /index.html \"200\" in 12 ms, as most of them are here\n", 200))
	for _, f := range []conf.LogFormat{conf.LogRaw, conf.LogPrefix, conf.LogJSON, conf.LogFmt} {
		for name, size := range map[string]int{"a line": 80, "a pipe": len(text)} {
			b.Run(string(f)+"/"+name, func(b *testing.B) {
				stream := NewStream(int(null.Fd()))
				var sink Sink = stream
				if f != conf.LogRaw {
					sink = NewLines(stream, conf.LineLog{Format: f, Prefix: "web |", Timestamps: conf.StampRFC3339, MaxLine: 16 << 10, PartialMS: 200}, "web", "web", "stdout")
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					sink.Write(text[:size], nil)
				}
			})
		}
	}
}

// formatted is a sink that gives lines a form, in front of one that takes all.
func formatted(b *testing.B, f conf.LogFormat) Sink {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { null.Close() })
	return NewLines(NewStream(int(null.Fd())), conf.LineLog{Format: f, Prefix: "web |", MaxLine: 16 << 10, PartialMS: 200}, "web", "web", "stdout")
}

// produce is the program: it writes b.N pieces.
func produce(b *testing.B, fd, size int) {
	piece := append(bytes.Repeat([]byte("x"), size-1), '\n')
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		for rest := piece; len(rest) > 0; {
			n, err := unix.Write(fd, rest)
			if err != nil {
				b.Error(err)
				return
			}
			rest = rest[n:]
		}
	}
}

// BenchmarkFilters measures what the two filters cost a log without anything
// for them in it, and with much.
func BenchmarkFilters(b *testing.B) {
	for name, text := range map[string]string{
		"plain":   strings.Repeat("a line of some length, with nothing in it\n", 1500),
		"colours": strings.Repeat("\x1b[31ma line\x1b[0m of some <length>\n", 2000),
	} {
		b.Run(name, func(b *testing.B) {
			var a ansi
			c := capture{max: 1 << 20}
			p := make([]byte, len(text))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				copy(p, text)
				c.split(a.strip(p), func([]byte) {}, nil)
			}
		})
	}
}

// BenchmarkWaiting reports what 2000 pumps take that have read and now wait.
func BenchmarkWaiting(b *testing.B) {
	for b.Loop() {
		before := resident(b)
		var pipes []*os.File
		for range 2000 {
			r, w := pipe(b)
			read := make(chan struct{})
			Start(r, Options{OnLog: func([]byte) { close(read) }})
			if _, err := w.Write([]byte("x")); err != nil {
				b.Fatal(err)
			}
			<-read
			pipes = append(pipes, w)
		}
		b.ReportMetric(float64(resident(b)-before)/2000/1024, "KiB/pump")
		b.ReportMetric(float64(resident(b))/(1<<20), "MiB")
		for _, w := range pipes {
			w.Close()
		}
	}
}

// resident returns how much memory the process occupies.
func resident(b *testing.B) int {
	runtime.GC()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize()
}
