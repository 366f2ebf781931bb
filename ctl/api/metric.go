package api

import (
	"bytes"
	"encoding/json"

	"gosupervisor/ctl/jsontext"
)

// MetricType says what the values of a Metric mean.
type MetricType string

// The types of metrics.
const (
	Counter MetricType = "counter" // it only grows, but for restarts
	Gauge   MetricType = "gauge"
)

// Metric is something that is counted or measured, of one or of many.
type Metric struct {
	Name    string     `json:"name"`
	Help    string     `json:"help"`
	Type    MetricType `json:"type"`
	Samples []Sample   `json:"samples"`
}

// Sample is one value, and of what it is.
type Sample struct {
	Labels Labels  `json:"labels"`
	Value  float64 `json:"value"`
}

// Labels are names with their values, in an order that stays the same. In JSON
// they are an object.
type Labels []Label

// Label is a name with its value.
type Label struct{ Name, Value string }

// MarshalJSON implements json.Marshaler.
func (l Labels) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, label := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsontext.AppendString(b, label.Name), ':')
		b = jsontext.AppendString(b, label.Value)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *Labels) UnmarshalJSON(p []byte) error {
	d := json.NewDecoder(bytes.NewReader(p))
	*l = nil
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var label Label
		label.Name, _ = name.(string)
		if err := d.Decode(&label.Value); err != nil {
			return err
		}
		*l = append(*l, label)
	}
	return nil
}
