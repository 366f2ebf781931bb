package child_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"gosupervisor/lacking"
	"gosupervisor/proc/child"
)

// BenchmarkSpawn measures from the request to Started.
func BenchmarkSpawn(b *testing.B) {
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			r := newRig(b)
			spec := command("/bin/true")
			spec.Umask = way.umask
			var total time.Duration
			for b.Loop() {
				before := time.Now()
				r.start(spec)
				total += r.until(b, "started").at.Sub(before)
				r.until(b, "exited")
			}
			b.ReportMetric(float64(total.Microseconds())/float64(b.N), "us/started")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkSpawnAndReap measures from the request to the exit of a child, beside many
// descriptors.
func BenchmarkSpawnAndReap(b *testing.B) {
	for _, open := range []int{0, 5000} {
		for _, way := range []string{"library", "clone3"} {
			b.Run(fmt.Sprintf("%s/descriptors=%d", way, open), func(b *testing.B) {
				defer child.ForkBy(way)()
				r := newRig(b)
				r.start(command("/bin/true"))
				r.until(b, "exited")
				for range open {
					f, err := os.Open(os.DevNull)
					if err != nil {
						lacking.Skip(b, err)
					}
					defer f.Close()
				}
				spec := command("/bin/true")
				b.ReportAllocs()
				for b.Loop() {
					r.start(spec)
					r.until(b, "exited")
				}
			})
		}
	}
}

// BenchmarkOrphans measures how long 20,000 dead orphans, all handed over at
// one moment, remain zombies.
func BenchmarkOrphans(b *testing.B) {
	if err := child.Subreaper(); err != nil {
		b.Fatal(err)
	}
	const orphans = 20000
	r := newRig(b)
	var total time.Duration
	for b.Loop() {
		spec := as(b, "orphaner", fmt.Sprint(orphans))
		r.start(spec)
		var exited time.Time
		for n := 0; n < orphans || exited.IsZero(); {
			switch e := r.next(b); e.what {
			case "exited":
				exited = e.at
				if child.ExitCode(e.ws) != 0 {
					b.Fatalf("got %v", e)
				}
			case "orphan":
				n++
			}
		}
		total += time.Since(exited)
		if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
			b.Fatalf("there is something left to reap: %v", err)
		}
	}
	b.ReportMetric(total.Seconds()*1000/float64(b.N), "ms/20000")
	b.ReportMetric(0, "ns/op")
}
