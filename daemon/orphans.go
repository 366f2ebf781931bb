package daemon

import (
	"fmt"
	"strings"

	"gosupervisor/ctl/api"
	"gosupervisor/proc/child"
)

// orphans asks the goroutine of kids, which alone knows who is no orphan, for the
// processes that we have adopted. The client's goroutine waits for it.
func (h *host) orphans() ([]api.OrphanInfo, error) {
	type answer struct {
		list []child.Orphan
		err  error
	}
	told := make(chan answer, 1)
	h.kids.Do(func() {
		list, err := h.kids.Orphans()
		told <- answer{list, err}
	})
	select {
	case a := <-told:
		if a.err != nil {
			return nil, api.NewFault(api.Failed, fmt.Sprintf("cannot list processes: %v", a.err))
		}
		all := make([]api.OrphanInfo, 0, len(a.list))
		for _, o := range a.list {
			info := api.OrphanInfo{PID: o.PID, Session: o.Session, Command: o.Command}
			for _, entry := range o.Environ {
				if name, ok := strings.CutPrefix(entry, "SUPERVISOR_PROCESS_NAME="); ok {
					info.Name = name
				}
				if group, ok := strings.CutPrefix(entry, "SUPERVISOR_GROUP_NAME="); ok {
					info.Group = group
				}
			}
			all = append(all, info)
		}
		return all, nil
	case <-h.done:
		return nil, api.NewFault(api.ShutdownState, "")
	}
}
