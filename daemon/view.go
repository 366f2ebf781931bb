package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
)

// view is what clients read without the loop: what the core tells of each process,
// in records in which nothing changes. The loop alone writes it, after each step
// and before anybody hears what the step has done. So whoever has the answer to
// a start, or an event, reads what has become of it.
//
// There is a view only while somebody reads, and none once processes have come or
// gone: then the loop is asked, as it is for everything else, until it is worth
// the while to make another.
type view struct {
	table atomic.Pointer[table]
	steps atomic.Uint64 // odd while records are being replaced

	missed int // loop: requests that it was asked for want of a view
}

// table is the processes of a view.
type table struct {
	rows   []atomic.Pointer[core.Record] // by group and then by name
	byName map[[2]string]int             // group and process
	byID   map[core.ProcID]int           // loop
}

// rowsPerRead is how many rows of a new table one request pays for.
const rowsPerRead = 64

// update takes over what a step of the core has changed.
func (v *view) update(c *core.Core) {
	t := v.table.Load()
	changes := c.Changes(t != nil)
	switch {
	case changes.Others:
		v.table.Store(nil)
	case len(changes.Records) > 0:
		v.steps.Add(1)
		for _, r := range changes.Records {
			t.rows[t.byID[r.Proc]].Store(r)
		}
		v.steps.Add(1)
	}
}

// want hears of each request that the loop is asked, and makes a view once it
// would have answered some.
func (v *view) want(c *core.Core, r api.Request) {
	if v.table.Load() != nil || !c.Tells() {
		return
	}
	switch r.(type) {
	case api.GetProcessInfo:
		v.missed++
	case api.GetAllProcessInfo: // the second one
		v.missed += c.Size()/rowsPerRead/2 + 1
	}
	if v.missed == 0 || v.missed*rowsPerRead < c.Size() {
		return
	}
	v.missed = 0
	records := c.Records()
	t := &table{
		rows:   make([]atomic.Pointer[core.Record], len(records)),
		byName: make(map[[2]string]int, len(records)),
		byID:   make(map[core.ProcID]int, len(records)),
	}
	for i, r := range records {
		group, name := r.Name()
		t.byName[[2]string{group, name}], t.byID[r.Proc] = i, i
		t.rows[i].Store(r)
	}
	v.table.Store(t)
}

// rest gives the view back: who reads once in a while asks the loop.
func (v *view) rest() {
	v.table.Store(nil)
	v.missed = 0
}

// all returns the records of one moment, or false where there is none: the loop
// has been at work meanwhile.
func (v *view) all(t *table) ([]*core.Record, bool) {
	before := v.steps.Load()
	records := make([]*core.Record, len(t.rows))
	for i := range t.rows {
		records[i] = t.rows[i].Load()
	}
	return records, before%2 == 0 && v.steps.Load() == before
}

// Peek implements api.Peeker.
func (h *host) Peek(_ context.Context, r api.Request) (any, bool, error) {
	t := h.view.table.Load()
	if t == nil {
		return nil, false, nil
	}
	switch r := r.(type) {
	case api.GetProcessInfo:
		group, name := api.SplitNamespec(r.Name)
		i, ok := t.byName[[2]string{group, name}]
		if !ok {
			return nil, true, api.NewFault(api.BadName, r.Name)
		}
		now := time.Now()
		return t.rows[i].Load().Info(h.instant(now), now), true, nil
	case api.GetAllProcessInfo:
		records, ok := h.view.all(t)
		if !ok {
			return nil, false, nil
		}
		now := time.Now()
		all := make([]api.ProcessInfo, len(records))
		for i, r := range records {
			all[i] = r.Info(h.instant(now), now)
		}
		return all, true, nil
	}
	return nil, false, nil
}
