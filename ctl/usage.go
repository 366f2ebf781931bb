package ctl

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"gosupervisor/ctl/api"
)

// usageRow is a line of top.
type usageRow struct {
	api.ProcessUsage
	CPUPercent *float64 `json:"cpu_percent"` // of one processor, since the look before; null: not known
}

// usageRows makes the lines of top of two looks at the same server.
func usageRows(before, now []api.ProcessUsage) []usageRow {
	old := make(map[string]api.ProcessUsage, len(before))
	for _, u := range before {
		old[u.Group+":"+u.Name] = u
	}
	rows := make([]usageRow, len(now))
	for i, u := range now {
		rows[i] = usageRow{u, percent(old[u.Group+":"+u.Name], u)}
	}
	return rows
}

// percent returns how much of one processor a process took between two looks, or
// since its start if that was later. A descendant that has ended may take what it
// used with it.
func percent(before, now api.ProcessUsage) *float64 {
	if now.CPUSeconds == nil {
		return nil
	}
	used, lasted := *now.CPUSeconds, now.Uptime
	if before.PID == now.PID && before.CPUSeconds != nil && before.Uptime < now.Uptime {
		used, lasted = used-*before.CPUSeconds, lasted-before.Uptime
	}
	if lasted <= 0 {
		return nil
	}
	p := max(0, used/lasted*100)
	return &p
}

// usageKey is a column by which top sorts, and the key that chooses it.
type usageKey struct {
	key   byte
	title string // of its column
	less  func(a, b usageRow) int
}

// descending puts what is not known last.
func descending[T cmp.Ordered](of func(usageRow) *T) func(a, b usageRow) int {
	return func(a, b usageRow) int {
		x, y := of(a), of(b)
		switch {
		case x == nil || y == nil:
			return cmp.Compare(b2i(x == nil), b2i(y == nil))
		default:
			return cmp.Compare(*y, *x)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// usageKeys are the columns that top can be sorted by, the first one at first.
func usageKeys() []usageKey {
	return []usageKey{
		{'c', "CPU%", descending(func(r usageRow) *float64 { return r.CPUPercent })},
		{'m', "RSS", descending(func(r usageRow) *int64 { return r.RSS })},
		{'f', "FDS", descending(func(r usageRow) *int { return r.FDs })},
		{'t', "THR", descending(func(r usageRow) *int { return r.Threads })},
		{'p', "PROC", descending(func(r usageRow) *int { return r.Processes })},
		{'u', "UPTIME", descending(func(r usageRow) *float64 { return &r.Uptime })},
		{'r', "RESTARTS", descending(func(r usageRow) *int { return &r.Restarts })},
		{'n', "NAME", func(usageRow, usageRow) int { return 0 }},
		{'s', "STATE", func(a, b usageRow) int { return cmp.Compare(b.State, a.State) }},
	}
}

// sortUsage sorts by the column of a key, and then by name, as servers do.
func sortUsage(rows []usageRow, k usageKey) {
	sort.SliceStable(rows, func(i, j int) bool {
		a, b := rows[i], rows[j]
		return cmp.Or(k.less(a, b), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name)) < 0
	})
}

// usageTitles are the columns of top; all but the first two are numbers.
var usageTitles = []string{"NAME", "STATE", "PID", "CPU%", "RSS", "FDS", "THR", "PROC", "UPTIME", "RESTARTS"}

// cells returns a row as the columns have it.
func (r usageRow) cells() []string {
	pid, uptime := "-", "-"
	if r.PID != 0 {
		pid, uptime = fmt.Sprint(r.PID), uptimeOf(r.Uptime)
	}
	restarts := fmt.Sprint(r.Restarts)
	if r.Starts < 0 {
		restarts = "-"
	}
	cpu := "-"
	if r.CPUPercent != nil {
		cpu = fmt.Sprintf("%.1f", *r.CPUPercent)
	}
	rss := "-"
	if r.RSS != nil {
		rss = bytesOf(*r.RSS)
	}
	return []string{visible(r.Namespec(), ""), visible(r.StateName, ""), pid, cpu, rss, known(r.FDs), known(r.Threads), known(r.Processes), uptime, restarts}
}

func known(n *int) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// usageTable lays rows out in columns, the titles first. paint colours a state.
func usageTable(rows []usageRow, paint func(state, text string) string) []string {
	table := make([][]string, 0, len(rows)+1)
	table = append(table, usageTitles)
	for _, r := range rows {
		table = append(table, r.cells())
	}
	widths := make([]int, len(usageTitles))
	for _, cells := range table {
		for i, c := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	lines := make([]string, len(table))
	for n, cells := range table {
		var b strings.Builder
		for i, c := range cells {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			switch {
			case i == 0:
				b.WriteString(c + gap)
			case i == 1 && n > 0:
				b.WriteString("  " + paint(cells[1], c) + gap)
			case i == 1:
				b.WriteString("  " + c + gap)
			default:
				b.WriteString("  " + gap + c)
			}
		}
		lines[n] = b.String()
	}
	return lines
}

// usageSummary says in one line what all of them take together.
func usageSummary(rows []usageRow) string {
	running, cpu, rss := 0, 0.0, int64(0)
	for _, r := range rows {
		if r.StateName == "RUNNING" {
			running++
		}
		if r.CPUPercent != nil {
			cpu += *r.CPUPercent
		}
		if r.RSS != nil {
			rss += *r.RSS
		}
	}
	return fmt.Sprintf("%d of %d running, CPU %.1f%%, RSS %s", running, len(rows), cpu, bytesOf(rss))
}

// measured tells whether the server knows what programs take: of none that runs
// it can be unknown.
func measured(rows []usageRow) bool {
	runs := func(r usageRow) bool { return r.StateName == "RUNNING" }
	return !slices.ContainsFunc(rows, runs) || slices.ContainsFunc(rows, func(r usageRow) bool { return runs(r) && r.RSS != nil })
}

// bytesOf shows a size in the largest unit of which there is one.
func bytesOf(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	size, unit := float64(n)/1024, 0
	for size >= 1000 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	if size < 9.95 {
		return fmt.Sprintf("%.1f%c", size, units[unit])
	}
	return fmt.Sprintf("%.0f%c", size, units[unit])
}

// uptimeOf shows seconds as status does, but for the days.
func uptimeOf(secs float64) string {
	s := int64(time.Duration(secs * float64(time.Second)).Seconds())
	clock := fmt.Sprintf("%d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		return fmt.Sprintf("%dd %s", days, clock)
	}
	return clock
}
