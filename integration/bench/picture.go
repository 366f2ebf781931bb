package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// The picture is two panels beside two, each a plot with logarithmic axes.
const (
	panelWidth, panelHeight = 460, 300
	plotLeft, plotTop       = 62, 40
	plotWidth, plotHeight   = 300, 200
)

// inks are the colours of the supervisors; all can be told apart on light and dark
// ground and by those who do not see red and green.
var inks = map[string]string{ours: "#0072b2", original: "#d55e00", s6: "#009e73", runit: "#cc79a7", limit: "#8a8a8a"}

// picture draws the curves as SVG.
func (g *growth) picture() []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Cost over the number of programs">
<style>
text { font: 12px sans-serif; fill: #222; }
.title { font-weight: bold; }
.back { fill: #fff; }
.grid { stroke: #ddd; fill: none; }
.frame { stroke: #888; fill: none; }
@media (prefers-color-scheme: dark) { text { fill: #ddd; } .back { fill: #16181c; } .grid { stroke: #383c44; } }
</style>
<rect class="back" width="100%%" height="100%%"/>
`, 2*panelWidth, 2*panelHeight)
	for i, panel := range panels {
		if curves := g.of(panel); len(curves) > 0 {
			fmt.Fprintf(&w, "<g transform=\"translate(%d,%d)\">\n", i%2*panelWidth, i/2*panelHeight)
			drawPanel(&w, panel, curves)
			fmt.Fprintln(&w, "</g>")
		}
	}
	fmt.Fprintln(&w, "</svg>")
	return w.Bytes()
}

// scale maps powers of ten onto a length.
type scale struct {
	low, high int // exponents
	from, to  float64
}

func (s scale) at(v float64) float64 {
	part := (math.Log10(v) - float64(s.low)) / float64(s.high-s.low)
	return s.from + part*(s.to-s.from)
}

// spanning is the scale whose whole decades hold all values.
func spanning(values []float64, from, to float64) scale {
	s := scale{low: math.MaxInt, high: math.MinInt, from: from, to: to}
	for _, v := range values {
		l := math.Log10(v)
		s.low, s.high = min(s.low, int(math.Floor(l))), max(s.high, int(math.Ceil(l)))
	}
	if s.high <= s.low {
		s.high = s.low + 1
	}
	return s
}

func drawPanel(w *bytes.Buffer, title string, curves []curve) {
	var ns, vs []float64
	for _, c := range curves {
		for _, p := range c.points {
			ns, vs = append(ns, float64(p.n)), append(vs, max(p.v, 1e-3))
		}
	}
	x := spanning(ns, plotLeft, plotLeft+plotWidth)
	y := spanning(vs, plotTop+plotHeight, plotTop)
	fmt.Fprintf(w, "<text class=\"title\" x=\"%d\" y=\"22\">%s</text>\n", plotLeft, html.EscapeString(title))
	for e := x.low; e <= x.high; e++ {
		at := x.at(math.Pow10(e))
		fmt.Fprintf(w, "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			at, plotTop, plotTop+plotHeight, at, plotTop+plotHeight+18, decade(e))
	}
	for e := y.low; e <= y.high; e++ {
		at := y.at(math.Pow10(e))
		fmt.Fprintf(w, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			plotLeft, at, plotLeft+plotWidth, plotLeft-6, at+4, decade(e))
	}
	fmt.Fprintf(w, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", plotLeft, plotTop, plotWidth, plotHeight)
	fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">programs</text>\n", plotLeft+plotWidth/2, plotTop+plotHeight+36)
	for i, c := range curves {
		drawCurve(w, c, x, y, plotTop+14+18*i)
	}
}

// drawCurve draws a line with a mark at each point, and its name beside the plot.
func drawCurve(w *bytes.Buffer, c curve, x, y scale, nameAt int) {
	ink, dash := inks[c.who], ""
	if c.who == limit {
		dash = ` stroke-dasharray="5 4"`
	}
	var d bytes.Buffer
	for i, p := range c.points {
		fmt.Fprintf(&d, "%c%.1f %.1f", "ML"[min(i, 1)], x.at(float64(p.n)), y.at(max(p.v, 1e-3)))
	}
	fmt.Fprintf(w, "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", d.String(), ink, dash)
	for _, p := range c.points {
		fmt.Fprintf(w, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"><title>%s, %d programs: %s</title></circle>\n",
			x.at(float64(p.n)), y.at(max(p.v, 1e-3)), ink, html.EscapeString(c.who), p.n, figure(p.v))
	}
	const left = plotLeft + plotWidth + 10
	fmt.Fprintf(w, "<path d=\"M%d %dh18\" stroke=\"%s\" stroke-width=\"2\"%s/><text x=\"%d\" y=\"%d\">%s</text>\n",
		left, nameAt-4, ink, dash, left+24, nameAt, html.EscapeString(c.who))
}

// decade is a power of ten as the axes show it.
func decade(e int) string {
	if e < 0 {
		return fmt.Sprintf("%.*f", -e, math.Pow10(e))
	}
	digits := []byte(fmt.Sprintf("%.0f", math.Pow10(e)))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = append(digits[:i:i], append([]byte(" "), digits[i:]...)...)
	}
	return string(digits)
}
