package metrics

import (
	"sync"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
)

// Snapshot is what is known at one moment.
type Snapshot struct {
	Version string
	Started time.Time
	Uptime  time.Duration
	Tally   core.Tally // its usage completed by what the kernel says
	Logs    []Log      // of the processes of the tally, in their order
	Servers []Server
	Own     Own
}

// Log is an output of a process.
type Log struct {
	Group, Process string
	Channel        api.Channel
	Bytes          int64 // that the process wrote to it
	Dropped        int64 // of them, that its log file did not take; -1: it has none
	DroppedLines   int64 // for which there was no room; -1: it waits for room
}

// Server is a socket on which the daemon serves.
type Server struct {
	Section     string
	Connections int
	Accepted    uint64
	Refused     uint64
	BadLogins   uint64
	Requests    map[string]uint64 // by protocol
}

// Own is what the daemon itself takes.
type Own struct {
	CPU        time.Duration
	RSS        int64
	FDs        int // -1: not to be known
	MaxFDs     uint64
	Goroutines int
	Heap       uint64
	Orphans    uint64           // reaped
	Dropped    map[string]int64 // bytes, or messages for syslog, by where they were to go
}

// row is one metric.
type row struct {
	name    string
	kind    api.MetricType
	help    string
	samples func(*Snapshot) []api.Sample
}

// List returns every metric that there is something to say of.
func List(s *Snapshot) []api.Metric {
	var list []api.Metric
	for _, r := range rows() {
		if samples := r.samples(s); len(samples) > 0 {
			list = append(list, api.Metric{Name: r.name, Help: r.help, Type: r.kind, Samples: samples})
		}
	}
	return list
}

// rows are all metrics. The table is made when somebody asks for it, not whenever the
// program starts.
var rows = sync.OnceValue(func() []row {
	return []row{
		// Processes.
		{"supervisor_process_up", api.Gauge, "Whether the process is RUNNING.",
			each(func(p *process) []api.Sample { return p.one(truth(p.usage.StateName == "RUNNING")) })},
		{"supervisor_process_state", api.Gauge, "1 for the state that the process is in, 0 for the others.", each((*process).states)},
		{"supervisor_process_starts_total", api.Counter, "Attempts to start the process, whoever wanted them.",
			each(func(p *process) []api.Sample { return p.one(float64(p.usage.Starts)) })},
		{"supervisor_process_restarts_total", api.Counter, "Those of the attempts that nobody asked for: after an exit, or after a start that failed.",
			each(func(p *process) []api.Sample { return p.one(float64(p.usage.Restarts)) })},
		{"supervisor_process_failed_starts_total", api.Counter, "Attempts that gave no process, or one that did not stay up for startsecs.",
			each(func(p *process) []api.Sample { return p.one(float64(p.counts.FailedStarts)) })},
		{"supervisor_process_exits_total", api.Counter, "Ends of the process, by exit status or by the signal that caused them.", each((*process).exits)},
		{"supervisor_process_start_time_seconds", api.Gauge, "When the process was started, in seconds since 1970.",
			each(func(p *process) []api.Sample { return p.living(float64(p.usage.Start)) })},
		{"supervisor_process_uptime_seconds", api.Gauge, "How long ago the process was started.",
			each(func(p *process) []api.Sample { return p.living(p.usage.Uptime) })},
		{"supervisor_process_cpu_seconds_total", api.Counter, "Processor time of the process and its descendants, since it was started.",
			each(func(p *process) []api.Sample { return known(p, p.usage.CPUSeconds) })},
		{"supervisor_process_resident_memory_bytes", api.Gauge, "Memory of the process and its descendants; what they share counts for each.",
			each(func(p *process) []api.Sample { return known(p, p.usage.RSS) })},
		{"supervisor_process_open_fds", api.Gauge, "Open file descriptors of the process and its descendants.",
			each(func(p *process) []api.Sample { return known(p, p.usage.FDs) })},
		{"supervisor_process_threads", api.Gauge, "Threads of the process and its descendants.",
			each(func(p *process) []api.Sample { return known(p, p.usage.Threads) })},
		{"supervisor_process_processes", api.Gauge, "The process and its descendants.",
			each(func(p *process) []api.Sample { return known(p, p.usage.Processes) })},
		{"supervisor_process_log_bytes_total", api.Counter, "Bytes that the process wrote to an output.",
			logs(func(l *Log) int64 { return l.Bytes })},
		{"supervisor_process_log_dropped_bytes_total", api.Counter, "Bytes of them that could not be written to its log.",
			logs(func(l *Log) int64 { return l.Dropped })},
		{"supervisor_process_log_dropped_lines_total", api.Counter, "Lines for an output of supervisord that were dropped because nobody read it (log_backpressure).",
			logs(func(l *Log) int64 { return l.DroppedLines })},

		// Events.
		{"supervisor_event_pool_events_total", api.Counter, "Events that were put into the queue of an event listener's pool.", pools(accepted)},
		{"supervisor_event_pool_delivered_total", api.Counter, "Events that a listener of the pool has acknowledged.", pools(delivered)},
		{"supervisor_event_pool_rejected_total", api.Counter, "Times that one has rejected an event, which is then sent again.", pools(rejected)},
		{"supervisor_event_pool_dropped_total", api.Counter, "Events that were dropped from it because it was full.", pools(dropped)},
		{"supervisor_event_pool_waiting", api.Gauge, "Events that wait in it.", pools(waiting)},
		{"supervisor_hook_events_total", api.Counter, "Events that were put into the queue of a hook.", hooks(accepted)},
		{"supervisor_hook_dropped_total", api.Counter, "Events that found it full.", hooks(dropped)},
		{"supervisor_hook_waiting", api.Gauge, "Events that wait in it.", hooks(waiting)},

		// The daemon.
		{"supervisor_info", api.Gauge, "Always 1.", func(s *Snapshot) []api.Sample {
			return []api.Sample{{Labels: labels("identifier", s.Tally.Identifier, "version", s.Version), Value: 1}}
		}},
		{"supervisor_start_time_seconds", api.Gauge, "When supervisord was started, or restarted, in seconds since 1970.",
			single(func(s *Snapshot) float64 { return float64(s.Started.UnixMilli()) / 1000 })},
		{"supervisor_uptime_seconds", api.Gauge, "How long ago that was.", single(func(s *Snapshot) float64 { return s.Uptime.Seconds() })},
		{"supervisor_rereads_total", api.Counter, "Times that the configuration was read again, by result.", func(s *Snapshot) []api.Sample {
			return []api.Sample{
				{Labels: labels("result", "good"), Value: float64(s.Tally.Rereads)}, {Labels: labels("result", "bad"), Value: float64(s.Tally.BadRereads)}}
		}},
		{"supervisor_orphans_reaped_total", api.Counter, "Dead processes that were nobody's and were reaped.", single(func(s *Snapshot) float64 { return float64(s.Own.Orphans) })},
		{"supervisor_output_dropped_bytes_total", api.Counter, "Bytes for an output of supervisord that nobody took.", func(s *Snapshot) []api.Sample {
			return byName("output", s.Own.Dropped, "activity_log", "stderr", "stdout")
		}},
		{"supervisor_syslog_dropped_messages_total", api.Counter, "Messages that syslog did not take.", func(s *Snapshot) []api.Sample {
			n, ok := s.Own.Dropped["syslog"]
			if !ok {
				return nil
			}
			return []api.Sample{{Value: float64(n)}}
		}},
		{"supervisor_cpu_seconds_total", api.Counter, "Processor time of supervisord itself.", single(func(s *Snapshot) float64 { return s.Own.CPU.Seconds() })},
		{"supervisor_resident_memory_bytes", api.Gauge, "Memory of supervisord itself.", positive(func(s *Snapshot) int64 { return s.Own.RSS })},
		{"supervisor_heap_bytes", api.Gauge, "Memory of it that objects take.", positive(func(s *Snapshot) int64 { return int64(s.Own.Heap) })},
		{"supervisor_open_fds", api.Gauge, "Open file descriptors of supervisord itself.", positive(func(s *Snapshot) int64 { return int64(s.Own.FDs) })},
		{"supervisor_max_fds", api.Gauge, "How many it may have.", positive(func(s *Snapshot) int64 { return int64(s.Own.MaxFDs) })},
		{"supervisor_goroutines", api.Gauge, "Goroutines of supervisord.", positive(func(s *Snapshot) int64 { return int64(s.Own.Goroutines) })},

		// Its servers.
		{"supervisor_server_connections", api.Gauge, "Connections to a server that are open.",
			servers(func(v *Server) float64 { return float64(v.Connections) })},
		{"supervisor_server_connections_total", api.Counter, "Connections that a server has taken.",
			servers(func(v *Server) float64 { return float64(v.Accepted) })},
		{"supervisor_server_connections_refused_total", api.Counter, "Connections that it refused because there were too many.",
			servers(func(v *Server) float64 { return float64(v.Refused) })},
		{"supervisor_server_failed_logins_total", api.Counter, "Wrong user names and passwords.",
			servers(func(v *Server) float64 { return float64(v.BadLogins) })},
		{"supervisor_server_requests_total", api.Counter, "Calls of methods and requests of pages, by protocol.", requests},
	}
})
