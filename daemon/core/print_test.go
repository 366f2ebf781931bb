package core

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

var levels = map[conf.Level]string{
	conf.Critical: "CRIT", conf.Error: "ERRO", conf.Warn: "WARN", conf.Info: "INFO", conf.Debug: "DEBG",
}

// print writes one effect as a line of the transcript.
func (s *scenario) print(e Effect) {
	w := &s.out
	switch e := e.(type) {
	case Spawn:
		fmt.Fprintf(w, "spawn %s\n", s.names[e.Proc])
	case Signal:
		fmt.Fprintf(w, "signal %s %s", s.names[e.Proc], conf.SignalName(e.Signal))
		if e.Group {
			fmt.Fprint(w, " to the group")
		}
		if e.Request != 0 {
			fmt.Fprintf(w, " for %d", e.Request)
		}
		fmt.Fprintln(w)
	case Check:
		fmt.Fprintf(w, "check %s\n", s.names[e.Proc])
	case Reply:
		s.printReply(e)
	case Perform:
		fmt.Fprintf(w, "perform %d %s on [%s]\n", e.ID, strings.TrimPrefix(fmt.Sprintf("%T", e.Req), "api."), s.list(e.Procs))
		s.printKnown(e.Known)
	case Log:
		fmt.Fprintf(w, "%s %s\n", levels[e.Level], e.Text)
	case AddProcesses:
		var names []string
		for _, p := range e.Programs {
			names = append(names, api.Namespec(p.Group, p.Name))
		}
		fmt.Fprintf(w, "add %s\n", strings.Join(names, " "))
	case RemoveProcesses:
		fmt.Fprintf(w, "remove %s\n", s.list(e.Procs))
	case SendEvent:
		fmt.Fprintf(w, "send %s %q\n", s.names[e.Proc], e.Data)
	case RunHook:
		fmt.Fprintf(w, "hook %s as %d: %s\n  %s", e.Hook.Name, e.Errand, environ(e.Environ), e.Input)
	case KillErrand:
		fmt.Fprintf(w, "kill errand %d\n", e.Errand)
	case RunCommand:
		fmt.Fprintf(w, "run the %s of %s for pid %d as %d: %s\n", e.Key, api.Namespec(e.Program.Group, e.Program.Name), e.PID, e.Errand, e.Command)
	case Hold:
		verb := "let go of"
		if e.On {
			verb = "hold"
		}
		fmt.Fprintf(w, "%s %s of %s\n", verb, e.Channel, s.names[e.Proc])
	case Print:
		fmt.Fprintf(w, "print %q\n", e.Data)
	case TrySockets:
		fmt.Fprintf(w, "try the sockets of %s for %d\n", e.Group.Name, e.ID)
	case LoadConfig:
		fmt.Fprintf(w, "load the configuration for %d\n", e.ID)
	case LastWords:
		fmt.Fprintf(w, "show the last %d lines of %s: %s\n", e.Lines, s.names[e.Proc], e.Title)
	case ReopenLogs:
		fmt.Fprintln(w, "reopen logs")
	case Leave:
		if e.Restart {
			fmt.Fprintln(w, "leave, to restart")
		} else {
			fmt.Fprintln(w, strings.TrimSuffix(fmt.Sprintf("leave with %d", e.Status), " with 0"))
		}
	default:
		s.t.Fatalf("unknown effect %T", e)
	}
}

// environ shows an environment, sorted, without what all names begin with.
func environ(env map[string]string) string {
	var all []string
	for name, value := range env {
		all = append(all, fmt.Sprintf("%s=%q", strings.TrimPrefix(name, "SUPERVISOR_"), value))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func (s *scenario) list(ids []ProcID) string {
	var names []string
	for _, id := range ids {
		names = append(names, s.names[id])
	}
	return strings.Join(names, " ")
}

// printReply writes the answer to a request; of lists each element on a line.
func (s *scenario) printReply(r Reply) {
	w := &s.out
	fmt.Fprintf(w, "reply %d: ", r.ID)
	switch v := r.Value.(type) {
	case nil:
		if r.Fault == nil {
			s.t.Fatal("a reply without value and fault")
		}
		fmt.Fprintf(w, "fault %d %s\n", r.Fault.Code, r.Fault.Text())
	case []api.Status:
		fmt.Fprintf(w, "%d of them\n", len(v))
		for _, st := range v {
			fmt.Fprintf(w, "  %s %d %s\n", api.Namespec(st.Group, st.Name), st.Status, st.Description)
		}
	case []api.WaitResult:
		fmt.Fprintf(w, "%d of them\n", len(v))
		for _, r := range v {
			fmt.Fprintf(w, "  %s %d %s, state %s: %s\n", api.Namespec(r.Group, r.Name), r.Status, r.Description, r.StateName, r.Reason)
		}
	case []api.ProcessInfo:
		fmt.Fprintf(w, "%d of them\n", len(v))
		for _, info := range v {
			fmt.Fprintf(w, "  %s\n", infoLine(info))
		}
	case api.ProcessInfo:
		fmt.Fprintf(w, "%s\n  now %s, logs %q %q %q\n", infoLine(v), clock(v.Now), v.Logfile, v.StdoutLogfile, v.StderrLogfile)
	case api.EventBatch:
		records := v.Records()
		fmt.Fprintf(w, "%d records\n", len(records))
		for _, r := range records {
			fmt.Fprintf(w, "  %s\n", s.json(r))
		}
	case []api.ConfigInfo:
		fmt.Fprintf(w, "%d of them\n", len(v))
		for _, info := range v {
			fmt.Fprintf(w, "  %s\n", s.json(info))
		}
	default:
		fmt.Fprintf(w, "%s\n", s.json(v))
	}
}

// printKnown writes what the core hands to the daemon to be completed.
func (s *scenario) printKnown(known any) {
	w := &s.out
	switch v := known.(type) {
	case nil:
	case Tally:
		s.printTally(v)
	case []api.ProcessUsage:
		for _, u := range v {
			fmt.Fprintf(w, "  %s %s pid %d, started %s, up for %vs, %d starts, %d restarts\n",
				u.Namespec(), u.StateName, u.PID, clock(u.Start), u.Uptime, u.Starts, u.Restarts)
		}
	case api.Explanation:
		fmt.Fprintf(w, "  %s %s pid %d, started %s, %d starts, %d restarts, %d of %d retries, next start %s\n", v.Namespec(), v.StateName,
			v.PID, clock(v.Start), v.Starts, v.Restarts, v.Tries, v.StartRetries, precise(v.NextStart))
		fmt.Fprintf(w, "  waits for %q\n", v.WaitsFor)
		if e := v.LastExit; e != nil {
			fmt.Fprintf(w, "  last exit %s pid %d status %d signal %q, core %v, expected %v, after %vs: %s\n",
				precise(e.Time), e.PID, e.Status, e.Signal, e.CoreDumped, e.Expected, e.Ran, e.Text)
		}
		for _, h := range v.History {
			fmt.Fprintf(w, "  %s %s -> %s pid %d: %s\n", precise(h.Time), h.From, h.To, h.PID, h.Reason)
		}
	default:
		s.t.Fatalf("unknown part of an answer %T", v)
	}
}

func (s *scenario) printTally(t Tally) {
	w := &s.out
	fmt.Fprintf(w, "  of %s: %d rereads, %d bad\n", t.Identifier, t.Rereads, t.BadRereads)
	for i, u := range t.Usage {
		fmt.Fprintf(w, "  %s %s, %d starts, %d restarts, %d failed, exits %v\n",
			u.Namespec(), u.StateName, u.Starts, u.Restarts, t.Counts[i].FailedStarts, t.Counts[i].Exits)
	}
	for _, q := range append(t.Pools, t.Hooks...) {
		fmt.Fprintf(w, "  queue %s: %d accepted, %d dropped, %d waiting\n", q.Name, q.Accepted, q.Dropped, q.Waiting)
	}
}

// precise shows seconds with a fraction as the time of day.
func precise(at float64) string {
	if at == 0 {
		return "never"
	}
	return time.UnixMilli(int64(at*1000 + 0.5)).UTC().Format("15:04:05.000")
}

func (s *scenario) json(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func infoLine(p api.ProcessInfo) string {
	return fmt.Sprintf("%s %d %s pid %d, started %s, stopped %s, exit status %d, spawnerr %q: %s",
		p.Namespec(), p.State, p.StateName, p.PID, clock(p.Start), clock(p.Stop), p.ExitStatus, p.SpawnErr, p.Description)
}

// clock shows Unix seconds as the time of day.
func clock(unix int64) string {
	if unix == 0 {
		return "never"
	}
	return time.Unix(unix, 0).UTC().Format(time.TimeOnly)
}

// printStatus writes what a client sees of every process.
func (s *scenario) printStatus() {
	s.core.wall, s.core.now = s.wall(), s.now
	for _, p := range s.core.allProcessInfo() {
		fmt.Fprintln(&s.out, strings.TrimRight(fmt.Sprintf("%-8s %-8s %s", p.Namespec(), p.StateName, p.Description), " "))
	}
}

// printDue writes how long nothing happens unless something else does.
func (s *scenario) printDue() {
	if at, ok := s.core.NextDue(); ok {
		fmt.Fprintf(&s.out, "in %v\n", at-s.now)
	} else {
		fmt.Fprintln(&s.out, "never")
	}
}
