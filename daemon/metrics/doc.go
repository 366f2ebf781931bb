// Package metrics makes the list of metrics from what the parts of the daemon
// have counted and measured. It is pure: a Snapshot in, metrics out.
//
// Every metric is a row of one table. Names follow the conventions of
// Prometheus: a prefix, base units, and _total on what only grows. All begin
// with supervisor_, so that they keep apart from those of whoever passes them on.
package metrics
