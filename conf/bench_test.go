package conf

import (
	"fmt"
	"strings"
	"testing"
)

// thousandPrograms is a large configuration.
func thousandPrograms() string { return programs(1000) }

func programs(n int) string {
	var text strings.Builder
	text.WriteString("[supervisord]\nenvironment=A=\"1\",B=\"2\"\n")
	for i := range n {
		fmt.Fprintf(&text, "[program:p%03d]\ncommand=/usr/bin/worker --queue=%%(program_name)s --home=%%(ENV_HOME)s\n"+
			"directory=/tmp\nuser=web\nautorestart=true\nenvironment=QUEUE=\"%%(program_name)s\",MODE=\"fast\"\n"+
			"stdout_logfile=/var/log/%%(program_name)s.log\nredirect_stderr=true ; one file for both\n\n", i)
	}
	return text.String()
}

func BenchmarkLoadThousandPrograms(b *testing.B) { benchmarkLoad(b, 1000) }

// The cost of a program is the same beside many.
func BenchmarkLoadNineThousandPrograms(b *testing.B) { benchmarkLoad(b, 9000) }

func benchmarkLoad(b *testing.B, n int) {
	h := machine(map[string]string{"/c/s.conf": programs(n)})
	b.ReportAllocs()
	for b.Loop() {
		c, err := Load("/c/s.conf", h)
		if err != nil || len(c.Groups) != n {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/program")
}

// What a program more costs: its text, what it is, what is expanded for it.
func TestAProgramTakesFewAllocations(t *testing.T) {
	allocations := func(n int) float64 {
		h := machine(map[string]string{"/c/s.conf": programs(n)})
		return testing.AllocsPerRun(3, func() {
			if _, err := Load("/c/s.conf", h); err != nil {
				t.Fatal(err)
			}
		})
	}
	if each := (allocations(300) - allocations(100)) / 200; each > 25 {
		t.Errorf("it takes %.1f", each)
	}
}

// An unchanged configuration is compared without any memory.
func TestSharedGroupsAreComparedForNothing(t *testing.T) {
	old, now := mustLoad(t, programs(100)), mustLoad(t, programs(100))
	Share(old.Groups, now.Groups)
	if n := testing.AllocsPerRun(10, func() {
		if Changes(old.Groups, now.Groups) != nil || old.Groups[7] != now.Groups[7] {
			t.Fatal("there are changes")
		}
	}); n > 0 {
		t.Errorf("it takes %v allocations", n)
	}
}

// One of 1,000 programs differs.
func BenchmarkChangesOfThousandPrograms(b *testing.B) {
	h := machine(map[string]string{"/c/s.conf": thousandPrograms()})
	before, err := Load("/c/s.conf", h)
	if err != nil {
		b.Fatal(err)
	}
	after, err := Load("/c/s.conf", h)
	if err != nil {
		b.Fatal(err)
	}
	after.Groups[500].Programs[0].Priority++
	b.ReportAllocs()
	for b.Loop() {
		if n := len(Changes(before.Groups, after.Groups)); n != 1 {
			b.Fatal(n)
		}
	}
}

func BenchmarkLoadCtlBesideThousandPrograms(b *testing.B) {
	h := machine(map[string]string{"/c/s.conf": thousandPrograms() + "[supervisorctl]\nserverurl=unix:///s\n"})
	b.ReportAllocs()
	for b.Loop() {
		c, err := LoadCtl("/c/s.conf", h)
		if err != nil || c.ServerURL != "unix:///s" {
			b.Fatal(err)
		}
	}
}
