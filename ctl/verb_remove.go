package ctl

import (
	"context"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// remove takes stopped groups out of the daemon.
func (s *session) remove(ctx context.Context, arg string) error {
	return s.eachGroup(ctx, arg, (*client.Client).RemoveGroup, "%s: removed process group", outcomes{
		{api.StillRunning, outcome{"ERROR: process/group still running: %s", exitGeneric}},
		{api.BadName, outcome{"ERROR: no such process/group: %s", exitGeneric}},
	})
}
