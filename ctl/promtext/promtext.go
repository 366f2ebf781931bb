package promtext

import (
	"bufio"
	"io"
	"math"
	"strconv"
	"strings"

	"gosupervisor/ctl/api"
)

// ContentType is the media type of the format.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Write writes metrics. One without samples is left out.
func Write(w io.Writer, metrics []api.Metric) error {
	b := bufio.NewWriterSize(w, 32<<10) // keeps the first error until Flush
	for _, m := range metrics {
		if len(m.Samples) == 0 {
			continue
		}
		_, _ = b.WriteString("# HELP " + m.Name + " " + helpEscapes.Replace(valid(m.Help)) + "\n# TYPE " + m.Name + " " + string(m.Type) + "\n")
		for _, s := range m.Samples {
			_, _ = b.WriteString(m.Name)
			writeLabels(b, s.Labels)
			_ = b.WriteByte(' ')
			_, _ = b.WriteString(number(s.Value))
			_ = b.WriteByte('\n')
		}
	}
	return b.Flush()
}

func writeLabels(b *bufio.Writer, labels api.Labels) {
	for i, l := range labels {
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		_ = b.WriteByte(before)
		_, _ = b.WriteString(l.Name)
		_, _ = b.WriteString(`="`)
		_, _ = valueEscapes.WriteString(b, valid(l.Value))
		_ = b.WriteByte('"')
	}
	if len(labels) > 0 {
		_ = b.WriteByte('}')
	}
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// valid makes text of what may be none: the format is UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// exact is where whole numbers are no longer exact.
const exact = 1 << 53

// number writes whole numbers without an exponent, as people read them.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	case v == math.Trunc(v) && math.Abs(v) < exact:
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
