package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// rowSpec is one line of the table.
type rowSpec struct {
	name    string // to select it by
	title   string
	unit    string
	more    bool // a higher figure is better
	reaches []reach
	measure func(*bench, *row) error
}

// reach is what we want to be: at most, or with more at least, a figure, or
// that many times somebody else's.
type reach struct {
	times   float64
	against string
}

// otherReach is what another figure that the same run yields is to be.
type otherReach struct {
	what string
	more bool
	reach
}

// otherReaches are those of the rows that have some.
var otherReaches = map[string][]otherReach{
	"log64k": {{cpuPerGiB, false, reach{0.75, original}}},
	"noisy":  {{leastShare, true, reach{80, ""}}},

	"requests10":   {{slowest, false, reach{0.15, ""}}},
	"requests1000": {{slowest, false, reach{0.15, ""}}},
	"orphans":      {{zombiesAtOnce, false, reach{200, ""}}},
	"idle":         {{cpuAtRest, false, reach{0, ""}}},
}

// Other figures that rows yield.
const (
	slowest       = "99th percentile, ms"
	zombiesAtOnce = "zombies at once, of those looked at every 2 ms"
	cpuAtRest     = "CPU, ms in 60 s"
)

// row is a line with what was measured.
type row struct {
	*rowSpec
	others  []otherReach
	samples []series
	besides []series // of other figures that the same run yields
	cpu     cpuTime  // of the whole machine meanwhile
	err     error
}

// cpuTime is processor time of the whole machine, in clock ticks.
type cpuTime struct {
	used   int64 // by whatever ran here
	stolen int64 // in which something was to run here and the host ran something else
}

// readCPU is what /proc/stat has of it since boot.
func readCPU() (c cpuTime) {
	data, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(data), "\n")
	for i, word := range strings.Fields(line) {
		switch n, _ := strconv.ParseInt(word, 10, 64); i {
		case 1, 2, 3, 6, 7: // user, nice, system, irq, softirq
			c.used += n
		case 8:
			c.stolen = n
		}
	}
	return c
}

func (c cpuTime) since(from cpuTime) cpuTime {
	return cpuTime{c.used - from.used, c.stolen - from.stolen}
}

// share is the percentage of what was wanted that the host took.
func (c cpuTime) share() float64 { return 100 * float64(c.stolen) / float64(max(c.used+c.stolen, 1)) }

func (c cpuTime) String() string { return fmt.Sprintf("%.0f %% stolen by the host", c.share()) }

type series struct {
	what, who string
	values    []float64
}

func (r *row) add(who string, v float64) { r.samples = put(r.samples, "", who, v) }

func (r *row) also(what, who string, v float64) { r.besides = put(r.besides, what, who, v) }

func put(all []series, what, who string, v float64) []series {
	i := slices.IndexFunc(all, func(s series) bool { return s.what == what && s.who == who })
	if i < 0 {
		i = len(all)
		all = append(all, series{what: what, who: who})
	}
	all[i].values = append(all[i].values, v)
	return all
}

// of is somebody's median.
func (r *row) of(who string) (float64, bool) { return of(r.samples, "", who) }

func of(all []series, what, who string) (float64, bool) {
	for _, s := range all {
		if s.what == what && s.who == who {
			return median(s.values), true
		}
	}
	return 0, false
}

func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func figure(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 1 || v == 0:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// verdict says for each reach whether it is reached.
func (r *row) verdict() string {
	var all []string
	for _, c := range r.reaches {
		all = append(all, c.verdict(r.samples, "", r.more))
	}
	for _, c := range r.others {
		all = append(all, c.what+" "+c.verdict(r.besides, c.what, c.more))
	}
	return strings.Join(all, "; ")
}

// verdict says whether our figure of that name is what it is to be.
func (c reach) verdict(all []series, what string, more bool) string {
	word, text := "at most", figure(c.times)
	if more {
		word = "at least"
	}
	least, known := c.times, true
	if c.against != "" {
		var other float64
		other, known = of(all, what, c.against)
		text, least = figure(c.times)+" x "+c.against, c.times*other
	}
	is, has := of(all, what, ours)
	answer := "**no**"
	switch {
	case !known || !has:
		answer = "not measured"
	case more && is >= least, !more && is <= least:
		answer = "yes"
	}
	return fmt.Sprintf("%s %s: %s", word, text, answer)
}

// ratio is ours divided by somebody's.
func (r *row) ratio(who string) string {
	a, ok1 := r.of(ours)
	b, ok2 := r.of(who)
	if !ok1 || !ok2 || b == 0 {
		return ""
	}
	return figure(a / b)
}

// best is the peer that is the best here, the limit aside.
func (r *row) best() string {
	who, best := "", 0.0
	for _, s := range r.samples {
		if s.who == ours || s.who == limit {
			continue
		}
		if m := median(s.values); who == "" || r.more && m > best || !r.more && m < best {
			who, best = s.who, m
		}
	}
	return who
}

func (r *row) brief() string {
	if r.err != nil {
		return "FAILED: " + r.err.Error()
	}
	var all []string
	for _, s := range r.samples {
		all = append(all, s.who+" "+figure(median(s.values)))
	}
	return r.unit + ": " + strings.Join(all, ", ") + "  [" + r.verdict() + "]"
}

var columns = []string{ours, original, s6, runit, tini, dumbInit, limit}

// document writes the whole result as Markdown.
func (b *bench) document(w io.Writer, before, pick string, grown *growth) {
	fmt.Fprintf(w, `# Benchmarks

`+"`make bench OUT=docs/benchmarks.md`"+` writes this file anew; `+"`make bench RUN=start`"+` measures only the rows whose name matches.
Every figure is the median of %d samples, or of more where the lists below have more. All peers are measured in one run and in
turn, so the ratios are what counts: the absolute figures are those of this machine under the load it had. The limit is
[a small C program](../integration/bench/limit/limit.c) that does the same and nothing else. Logs go to
%s.
What is written there is read again: one lost, doubled, reordered or broken line is a failure.

`, b.rounds, fsName(b.dir))
	if pick != "" {
		fmt.Fprintf(w, "This is a part: of the %d rows only those that match the following were measured.\n\n```\n%s\n```\n\n", len(rows), pick)
	}
	b.machine(w, before)
	fmt.Fprint(w, "\n## Table\n\nours / ... is our figure divided by theirs; the best peer is the best of those measured, without the limit.\n\n")
	fmt.Fprintln(w, "| row | what | unit | "+strings.Join(columns, " | ")+" | ours / limit | ours / original | ours / best peer | reach |")
	fmt.Fprintln(w, strings.Repeat("|---", 7+len(columns))+"|")
	for _, r := range b.rows {
		fmt.Fprintf(w, "| %s | %s | %s |", r.name, r.title, r.unit)
		for _, who := range columns {
			if v, ok := r.of(who); ok {
				fmt.Fprintf(w, " %s |", figure(v))
			} else {
				fmt.Fprint(w, " |")
			}
		}
		best := r.ratio(r.best())
		if best != "" {
			best += " (" + r.best() + ")"
		}
		verdict := r.verdict()
		if r.err != nil {
			verdict = "**not measured:** " + strings.NewReplacer("|", "/", "\n", " ").Replace(r.err.Error())
		}
		fmt.Fprintf(w, " %s | %s | %s | %s |\n", r.ratio(limit), r.ratio(original), best, verdict)
	}
	fmt.Fprint(w, "\n## Besides\n\nMedians of what the same runs yield as well.\n\n| row | what | "+strings.Join(columns, " | ")+" |\n"+strings.Repeat("|---", 2+len(columns))+"|\n")
	for _, r := range b.rows {
		var kinds []string
		for _, s := range r.besides {
			if !slices.Contains(kinds, s.what) {
				kinds = append(kinds, s.what)
			}
		}
		for _, what := range kinds {
			fmt.Fprintf(w, "| %s | %s |", r.name, what)
			for _, who := range columns {
				i := slices.IndexFunc(r.besides, func(s series) bool { return s.what == what && s.who == who })
				if i < 0 {
					fmt.Fprint(w, " |")
				} else {
					fmt.Fprintf(w, " %s |", figure(median(r.besides[i].values)))
				}
			}
			fmt.Fprintln(w)
		}
	}
	b.explain(w)
	if grown != nil {
		grown.table(w, pictureName)
	}
	fmt.Fprint(w, "\n## Samples\n\n```\n")
	for _, r := range b.rows {
		for _, s := range slices.Concat(r.samples, r.besides) {
			unit := s.what
			if unit == "" {
				unit = r.unit
			}
			fmt.Fprintf(w, "%-12s %-9s %s:", r.name, s.who, unit)
			for _, v := range s.values {
				fmt.Fprint(w, " ", figure(v))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprint(w, "```\n")
}

// machine says what this was measured on, and beside what.
func (b *bench) machine(w io.Writer, before string) {
	var name unix.Utsname
	release := "unknown"
	if unix.Uname(&name) == nil {
		release = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	}
	fmt.Fprintf(w, "* Machine: %d processors, %s, %s; %s, %s\n", runtime.NumCPU(), cpuModel(), memory(), release, runtime.GOARCH)
	fmt.Fprintf(w, "* Day: %s. Load averages before %s and after %s.\n  Where they show more than what is measured here, other work ran too.\n",
		time.Now().UTC().Format(time.DateOnly), before, loadavg())
	var all, most cpuTime
	for _, r := range b.rows {
		all.used, all.stolen = all.used+r.cpu.used, all.stolen+r.cpu.stolen
		if r.cpu.share() > most.share() {
			most = r.cpu
		}
	}
	fmt.Fprintf(w, "* Of the processor time that was wanted during the rows: %s, %.0f %% in the worst row.\n  Where that is more than a few, times are longer and rates lower than the machine has them alone.\n",
		all, most.share())
	for _, p := range b.peers {
		if p.missing != "" {
			fmt.Fprintf(w, "* %s: skipped, it is not here (%s)\n", p.name, p.missing)
		} else {
			fmt.Fprintf(w, "* %s: %s\n", p.name, p.version)
		}
	}
}

func loadavg() string {
	data, err := os.ReadFile("/proc/loadavg")
	words := strings.Fields(string(data))
	if err != nil || len(words) < 3 {
		return "unknown"
	}
	return strings.Join(words[:3], " ")
}

func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "of unknown model"
	}
	defer file.Close()
	for in := bufio.NewScanner(file); in.Scan(); {
		if key, value, ok := strings.Cut(in.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "of unknown model"
}

func memory() string {
	data, err := os.ReadFile("/proc/meminfo")
	if err == nil {
		if kb, err := field(string(data), "MemTotal:"); err == nil {
			return figure(kb*1024/1e9) + " GB"
		}
	}
	return "unknown memory"
}

func fsName(dir string) string {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) == nil && fs.Type == unix.TMPFS_MAGIC {
		return "a file system in memory, so that no disk is measured"
	}
	return "the file system of the working directory"
}
