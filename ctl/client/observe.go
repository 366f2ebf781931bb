package client

import (
	"context"

	"gosupervisor/ctl/api"
)

// What the original does not have: it answers with the fault UnknownMethod.

// Explain says why a process is in its state, with so many of the last lines of
// its logs.
func (c *Client) Explain(ctx context.Context, name string, lines int) (x api.Explanation, err error) {
	err = c.call(ctx, "supervisor.explainProcess", &x, arg{"name", name}, arg{"lines", lines})
	return x, err
}

// WaitFor waits until each of the processes that the names mean has reached a
// state, or will not by itself.
func (c *Client) WaitFor(ctx context.Context, names []string, goal api.Goal) (results []api.WaitResult, err error) {
	err = c.call(ctx, "supervisor.waitProcess", &results, arg{"name", names}, arg{"for", string(goal)})
	return results, err
}

// Usage measures what every process takes of the machine.
func (c *Client) Usage(ctx context.Context) (all []api.ProcessUsage, err error) {
	err = c.call(ctx, "supervisor.getAllProcessUsage", &all)
	return all, err
}

// Orphans lists the processes that the server has adopted.
func (c *Client) Orphans(ctx context.Context) (all []api.OrphanInfo, err error) {
	err = c.call(ctx, "supervisor.getOrphans", &all)
	return all, err
}
