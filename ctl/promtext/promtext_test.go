package promtext

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gosupervisor/ctl/api"
)

func TestWrite(t *testing.T) {
	sample := func(v float64, labels ...string) api.Sample {
		s := api.Sample{Value: v}
		for i := 0; i < len(labels); i += 2 {
			s.Labels = append(s.Labels, api.Label{Name: labels[i], Value: labels[i+1]})
		}
		return s
	}
	for _, tt := range []struct {
		name    string
		metrics []api.Metric
		want    string
	}{
		{"nothing", nil, ""},
		{"a metric without samples", []api.Metric{{Name: "a", Type: api.Gauge}}, ""},
		{"one without labels", []api.Metric{{Name: "a_total", Help: "All.", Type: api.Counter, Samples: []api.Sample{sample(3)}}},
			"# HELP a_total All.\n# TYPE a_total counter\na_total 3\n"},
		{"several with labels", []api.Metric{{Name: "a", Help: "h", Type: api.Gauge, Samples: []api.Sample{sample(1, "b", "x", "a", "y"), sample(2, "b", "z")}}},
			"# HELP a h\n# TYPE a gauge\na{b=\"x\",a=\"y\"} 1\na{b=\"z\"} 2\n"},
		{"what must be escaped", []api.Metric{{Name: "a", Help: "one\ntwo \\ \"", Type: api.Gauge, Samples: []api.Sample{sample(1, "l", "\\ \"\n\x1b é")}}},
			"# HELP a one\\ntwo \\\\ \"\n# TYPE a gauge\na{l=\"\\\\ \\\"\\n\x1b é\"} 1\n"},
		{"what is no text", []api.Metric{{Name: "a", Help: "\xff", Type: api.Gauge, Samples: []api.Sample{sample(1, "l", "a\xe9b")}}},
			"# HELP a \uFFFD\n# TYPE a gauge\na{l=\"a\uFFFDb\"} 1\n"},
		{"numbers", []api.Metric{{Name: "a", Type: api.Gauge, Samples: []api.Sample{
			sample(0), sample(-1), sample(0.25), sample(1767323083.125), sample(1 << 40), sample(1e300), sample(math.NaN()), sample(math.Inf(1)), sample(math.Inf(-1))}}},
			"# HELP a \n# TYPE a gauge\na 0\na -1\na 0.25\na 1.767323083125e+09\na 1099511627776\na 1e+300\na NaN\na +Inf\na -Inf\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := Write(&b, tt.metrics); err != nil || b.String() != tt.want {
				t.Errorf("got %q, %v\nwant %q", b.String(), err, tt.want)
			}
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestWriterThatIsFullIsAnError(t *testing.T) {
	if Write(full{}, []api.Metric{{Name: "a", Samples: []api.Sample{{Value: 1}}}}) == nil {
		t.Error("it is none")
	}
}
