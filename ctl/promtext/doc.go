// Package promtext writes metrics in the text format of Prometheus, version
// 0.0.4, which most monitoring systems read.
//
// It knows the form and nothing of what the metrics are. It has no state.
package promtext
