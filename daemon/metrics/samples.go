package metrics

import (
	"maps"
	"slices"

	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
)

// process is what is known of one process.
type process struct {
	usage  *api.ProcessUsage
	counts *core.ProcessCounts
}

// each makes the samples of every process.
func each(of func(*process) []api.Sample) func(*Snapshot) []api.Sample {
	return func(s *Snapshot) []api.Sample {
		var list []api.Sample
		for i := range s.Tally.Usage {
			list = append(list, of(&process{&s.Tally.Usage[i], &s.Tally.Counts[i]})...)
		}
		return list
	}
}

func labels(namesAndValues ...string) api.Labels {
	list := make(api.Labels, 0, len(namesAndValues)/2)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		list = append(list, api.Label{Name: namesAndValues[i], Value: namesAndValues[i+1]})
	}
	return list
}

func (p *process) sample(v float64, more ...string) api.Sample {
	return api.Sample{Labels: labels(append([]string{"group", p.usage.Group, "process", p.usage.Name}, more...)...), Value: v}
}

func (p *process) one(v float64) []api.Sample { return []api.Sample{p.sample(v)} }

// living is what only a process with a child has.
func (p *process) living(v float64) []api.Sample {
	if p.usage.PID == 0 {
		return nil
	}
	return p.one(v)
}

// known is what may not be known.
func known[T int | int64 | float64](p *process, v *T) []api.Sample {
	if v == nil {
		return nil
	}
	return p.one(float64(*v))
}

func (p *process) states() []api.Sample {
	states := core.States()
	list := make([]api.Sample, 0, len(states))
	for _, state := range states {
		list = append(list, p.sample(truth(state == p.usage.StateName), "state", state))
	}
	return list
}

func (p *process) exits() []api.Sample {
	var list []api.Sample
	for _, e := range p.counts.Exits {
		list = append(list, p.sample(float64(e.Count), "status", e.Status))
	}
	return list
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func logs(of func(*Log) int64) func(*Snapshot) []api.Sample {
	return func(s *Snapshot) []api.Sample {
		var list []api.Sample
		for i := range s.Logs {
			l := &s.Logs[i]
			if of(l) < 0 {
				continue // not to be known
			}
			list = append(list, api.Sample{Labels: labels("channel", string(l.Channel), "group", l.Group, "process", l.Process), Value: float64(of(l))})
		}
		return list
	}
}

func accepted(q *core.QueueCounts) float64  { return float64(q.Accepted) }
func delivered(q *core.QueueCounts) float64 { return float64(q.Delivered) }
func rejected(q *core.QueueCounts) float64  { return float64(q.Rejected) }
func dropped(q *core.QueueCounts) float64   { return float64(q.Dropped) }
func waiting(q *core.QueueCounts) float64   { return float64(q.Waiting) }

func pools(of func(*core.QueueCounts) float64) func(*Snapshot) []api.Sample {
	return func(s *Snapshot) []api.Sample { return queues("pool", s.Tally.Pools, of) }
}

func hooks(of func(*core.QueueCounts) float64) func(*Snapshot) []api.Sample {
	return func(s *Snapshot) []api.Sample { return queues("hook", s.Tally.Hooks, of) }
}

func queues(label string, all []core.QueueCounts, of func(*core.QueueCounts) float64) []api.Sample {
	var list []api.Sample
	for i := range all {
		list = append(list, api.Sample{Labels: labels(label, all[i].Name), Value: of(&all[i])})
	}
	return list
}

// single makes the one sample of a metric of the daemon.
func single(of func(*Snapshot) float64) func(*Snapshot) []api.Sample {
	return func(s *Snapshot) []api.Sample { return []api.Sample{{Value: of(s)}} }
}

// positive is what is not known when it is not more than nothing.
func positive(of func(*Snapshot) int64) func(*Snapshot) []api.Sample {
	return func(s *Snapshot) []api.Sample {
		if v := of(s); v > 0 {
			return []api.Sample{{Value: float64(v)}}
		}
		return nil
	}
}

// byName makes a sample for each of the names that has a value.
func byName(label string, values map[string]int64, names ...string) []api.Sample {
	var list []api.Sample
	for _, name := range names {
		if v, ok := values[name]; ok {
			list = append(list, api.Sample{Labels: labels(label, name), Value: float64(v)})
		}
	}
	return list
}

func servers(of func(*Server) float64) func(*Snapshot) []api.Sample {
	return func(s *Snapshot) []api.Sample {
		var list []api.Sample
		for i := range s.Servers {
			list = append(list, api.Sample{Labels: labels("server", s.Servers[i].Section), Value: of(&s.Servers[i])})
		}
		return list
	}
}

func requests(s *Snapshot) []api.Sample {
	var list []api.Sample
	for _, v := range s.Servers {
		for _, protocol := range slices.Sorted(maps.Keys(v.Requests)) {
			list = append(list, api.Sample{Labels: labels("protocol", protocol, "server", v.Section), Value: float64(v.Requests[protocol])})
		}
	}
	return list
}
