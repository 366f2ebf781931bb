package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// growth is how the cost of each supervisor grows with the number of programs.
type growth struct {
	curves []curve
	notes  []string // why somebody's curve ends
}

// curve is one panel's line: a figure of one supervisor by number of programs.
type curve struct {
	panel  string
	who    string
	points []point
}

type point struct {
	n int
	v float64
}

// The panels, in the order in which they are drawn.
const (
	panelStart  = "exec to all alive, ms"
	panelMemory = "memory (PSS) at rest, MB"
	panelStatus = "status of all, the whole command, ms"
	panelStop   = "TERM to gone, ms"
)

var panels = []string{panelStart, panelMemory, panelStatus, panelStop}

// growthSizes are the numbers of programs.
var growthSizes = []int{1, 10, 100, 1000, 10000}

// growthMost is where the curve of somebody ends for a reason that this run need
// not find out.
var growthMost = map[string]struct {
	n   int
	why string
}{
	original: {1000, "its start takes ten seconds there already"},
	runit:    {1000, "runsvdir takes no more"},
	s6:       {1000, "a process for each program, all of them before the first lives"},
}

// measureGrowth takes one median of each figure for each size and supervisor.
func (b *bench) measureGrowth(most int) (*growth, error) {
	g := &growth{}
	for _, n := range growthSizes {
		if n > most {
			break
		}
		for _, name := range append([]string{limit}, supervisors...) {
			p := b.peer(name)
			if p == nil && name != limit {
				continue
			}
			if most, ok := growthMost[name]; ok && n > most.n {
				g.note(fmt.Sprintf("%s ends at %d: %s", name, most.n, most.why))
				continue
			}
			n := n
			if most := b.mostPrograms(); n > most && slices.Contains(servers, name) {
				g.note(fmt.Sprintf("%s ends at %d: %d open files are allowed here (ulimit -Hn), and each program is %d of them", name, most, b.files, filesEach))
				n = most
			}
			began := time.Now()
			if err := b.growthPoint(g, p, n); err != nil {
				return nil, fmt.Errorf("%s with %d programs: %w", name, n, err)
			}
			fmt.Fprintf(os.Stderr, "%-12s %5.1fs %s, %d programs\n", "growth", time.Since(began).Seconds(), name, n)
		}
	}
	return g, nil
}

func (g *growth) note(text string) {
	if !slices.Contains(g.notes, text) {
		g.notes = append(g.notes, text)
	}
}

func (g *growth) add(panel, who string, n int, values []float64) {
	if len(values) == 0 {
		return
	}
	i := slices.IndexFunc(g.curves, func(c curve) bool { return c.panel == panel && c.who == who })
	if i < 0 {
		i = len(g.curves)
		g.curves = append(g.curves, curve{panel: panel, who: who})
	}
	g.curves[i].points = append(g.curves[i].points, point{n, median(values)})
}

// growthPoint measures n programs under one supervisor; no peer is the bare loop
// that starts them.
func (b *bench) growthPoint(g *growth, p *peer, n int) error {
	rounds := b.rounds
	if n > 100 {
		rounds = min(rounds, 3) // the larger, the less it matters what else runs
	}
	all := map[string][]float64{}
	who := limit
	for range rounds {
		if p == nil {
			run, notes, err := b.spawnLoop("spawn", n)
			if err != nil {
				return err
			}
			all[panelStart] = append(all[panelStart], ms(last(notes)-run.began))
			if _, err := run.quit(); err != nil {
				return err
			}
		} else {
			who = p.name
			if err := b.growthRound(p, n, all); err != nil {
				return err
			}
		}
		if err := b.sweep(); err != nil {
			return err
		}
	}
	for _, panel := range panels {
		g.add(panel, who, n, all[panel])
	}
	return nil
}

// growthRound is one life of a supervisor.
func (b *bench) growthRound(p *peer, n int, all map[string][]float64) error {
	add := func(panel string, v float64) { all[panel] = append(all[panel], v) }
	run, notes, err := b.up(p, n, 0, oneOutput)
	if err != nil {
		return err
	}
	add(panelStart, ms(last(notes)-run.began))
	if err := run.ready(n); err != nil {
		return err
	}
	time.Sleep(3 * time.Second) // what is at rest is to be measured
	mb, err := pss(b.overhead(run))
	if err != nil {
		return err
	}
	add(panelMemory, mb)
	took, asked, err := run.askAll(n)
	if err != nil {
		return err
	}
	if asked {
		add(panelStatus, ms(took))
	}
	stop, err := run.quit()
	add(panelStop, ms(stop.Nanoseconds()))
	return err
}

// askAll measures the command that shows the state of all n programs, checks its
// answer, and tells whether there is such a command: s6 has one for a single
// program only.
func (r *running) askAll(n int) (took int64, asked bool, err error) {
	var out, sign string
	switch {
	case r.sock != "":
		sign = " RUNNING "
		began := mono()
		out, err = r.ctl("status")
		took = mono() - began
	case r.peer.name == runit:
		sign = "run: "
		dirs, e := filepath.Glob(r.dir + "/scan/*")
		if e != nil {
			return 0, false, e
		}
		var text []byte
		began := mono()
		text, err = exec.Command(r.peer.tools["sv"], append([]string{"status"}, dirs...)...).Output()
		took = mono() - began
		out = string(text)
	default:
		return 0, false, nil
	}
	if lines := strings.Count(out, sign); err != nil || lines != n {
		return 0, false, fmt.Errorf("%d of %d lines: %v", lines, n, err)
	}
	return took, true, nil
}

// table writes the figures behind the picture.
func (g *growth) table(w io.Writer, picture string) {
	fmt.Fprintf(w, "\n## Growth\n\nThe same programs, with one output that goes to no file, in growing numbers; both axes are logarithmic. Medians of as many samples\n"+
		"as above up to 100 programs, and of three beyond. The limit is a bare loop of posix_spawn.\n\n![Start, memory, status and stop over the number of programs](%s)\n\n", picture)
	for _, text := range g.notes {
		fmt.Fprintf(w, "* %s.\n", text)
	}
	sizes := g.sizes()
	fmt.Fprint(w, "\n| figure | of |")
	for _, n := range sizes {
		fmt.Fprintf(w, " %d |", n)
	}
	fmt.Fprintln(w, "\n"+strings.Repeat("|---", 2+len(sizes))+"|")
	for _, panel := range panels {
		for _, c := range g.of(panel) {
			fmt.Fprintf(w, "| %s | %s |", panel, c.who)
			for _, n := range sizes {
				i := slices.IndexFunc(c.points, func(p point) bool { return p.n == n })
				if i < 0 {
					fmt.Fprint(w, " |")
				} else {
					fmt.Fprintf(w, " %s |", figure(c.points[i].v))
				}
			}
			fmt.Fprintln(w)
		}
	}
}

// sizes lists the numbers of programs that somebody was measured with.
func (g *growth) sizes() []int {
	var all []int
	for _, c := range g.curves {
		for _, p := range c.points {
			all = append(all, p.n)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// of returns the curves of a panel, ours first.
func (g *growth) of(panel string) []curve {
	var all []curve
	for _, who := range columns {
		for _, c := range g.curves {
			if c.panel == panel && c.who == who {
				all = append(all, c)
			}
		}
	}
	return all
}
