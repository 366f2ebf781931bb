package client

import (
	"context"
	"encoding/json"
	"fmt"

	"gosupervisor/ctl/api"
)

// APIVersion returns the version of the control API.
func (c *Client) APIVersion(ctx context.Context) (version string, err error) {
	said, err := c.detect(ctx)
	if err != nil {
		return "", err
	}
	if said != nil && decode(said, &version) == nil {
		return version, nil // it was asked for already
	}
	err = c.call(ctx, versionMethod, &version)
	return version, err
}

// SupervisorVersion returns the version of the server.
func (c *Client) SupervisorVersion(ctx context.Context) (version string, err error) {
	err = c.call(ctx, "supervisor.getSupervisorVersion", &version)
	return version, err
}

// PID returns the process id of the server.
func (c *Client) PID(ctx context.Context) (pid int, err error) {
	err = c.call(ctx, "supervisor.getPID", &pid)
	return pid, err
}

// Processes describes every process.
func (c *Client) Processes(ctx context.Context) (all []api.ProcessInfo, err error) {
	err = c.call(ctx, "supervisor.getAllProcessInfo", &all)
	return all, err
}

// Process describes one process.
func (c *Client) Process(ctx context.Context, name string) (p api.ProcessInfo, err error) {
	err = c.call(ctx, "supervisor.getProcessInfo", &p, arg{"name", name})
	return p, err
}

// Configured describes every configured process, running or not. What an older
// original does not tell is "none", as is what is not set.
func (c *Client) Configured(ctx context.Context) (all []api.ConfigInfo, err error) {
	err = c.call(ctx, "supervisor.getAllConfigInfo", &all)
	for i := range all {
		if all[i].Autorestart == nil {
			all[i].Autorestart = "none"
		}
	}
	return all, err
}

// Start starts a process and waits until it runs.
func (c *Client) Start(ctx context.Context, name string) error {
	return c.call(ctx, "supervisor.startProcess", nil, arg{"name", name})
}

// StartGroup starts the processes of a group and waits until they run.
func (c *Client) StartGroup(ctx context.Context, group string) (done []api.Status, err error) {
	err = c.call(ctx, "supervisor.startProcessGroup", &done, arg{"name", group})
	return done, err
}

// StartAll starts every process and waits until they run.
func (c *Client) StartAll(ctx context.Context) (done []api.Status, err error) {
	err = c.call(ctx, "supervisor.startAllProcesses", &done)
	return done, err
}

// Stop stops a process and waits until it has ended.
func (c *Client) Stop(ctx context.Context, name string) error {
	return c.call(ctx, "supervisor.stopProcess", nil, arg{"name", name})
}

// StopGroup stops the processes of a group and waits until they have ended.
func (c *Client) StopGroup(ctx context.Context, group string) (done []api.Status, err error) {
	err = c.call(ctx, "supervisor.stopProcessGroup", &done, arg{"name", group})
	return done, err
}

// StopAll stops every process and waits until they have ended.
func (c *Client) StopAll(ctx context.Context) (done []api.Status, err error) {
	err = c.call(ctx, "supervisor.stopAllProcesses", &done)
	return done, err
}

// Reload has a process read its own configuration again.
func (c *Client) Reload(ctx context.Context, name string) error {
	return c.call(ctx, "supervisor.reloadProcess", nil, arg{"name", name})
}

// ReloadGroup has the processes of a group read their own configuration again.
func (c *Client) ReloadGroup(ctx context.Context, group string) (done []api.Status, err error) {
	err = c.call(ctx, "supervisor.reloadProcess", &done, arg{"name", api.Namespec(group, "*")})
	return done, err
}

// Signal sends a signal, by name or number, to a process.
func (c *Client) Signal(ctx context.Context, name, signal string) error {
	return c.call(ctx, "supervisor.signalProcess", nil, arg{"name", name}, arg{"signal", signal})
}

// SignalGroup sends a signal to the processes of a group.
func (c *Client) SignalGroup(ctx context.Context, group, signal string) (done []api.Status, err error) {
	err = c.call(ctx, "supervisor.signalProcessGroup", &done, arg{"name", group}, arg{"signal", signal})
	return done, err
}

// SignalAll sends a signal to every process.
func (c *Client) SignalAll(ctx context.Context, signal string) (done []api.Status, err error) {
	err = c.call(ctx, "supervisor.signalAllProcesses", &done, arg{"signal", signal})
	return done, err
}

// SendStdin writes to the standard input of a process.
func (c *Client) SendStdin(ctx context.Context, name string, data []byte) error {
	return c.call(ctx, "supervisor.sendProcessStdin", nil, arg{"name", name}, arg{"chars", api.Bytes(data)})
}

// ReadLog reads from the activity log.
func (c *Client) ReadLog(ctx context.Context, offset, length int64) ([]byte, error) {
	var data api.Bytes
	err := c.call(ctx, "supervisor.readLog", &data, arg{"offset", offset}, arg{"length", length})
	return data, err
}

// ReadProcessLog reads from the log of a channel of a process.
func (c *Client) ReadProcessLog(ctx context.Context, name string, channel api.Channel, offset, length int64) ([]byte, error) {
	method := "supervisor.readProcessStdoutLog"
	if channel == api.Stderr {
		method = "supervisor.readProcessStderrLog"
	}
	var data api.Bytes
	err := c.call(ctx, method, &data, arg{"name", name}, arg{"offset", offset}, arg{"length", length})
	return data, err
}

// ClearLogs empties the logs of a process.
func (c *Client) ClearLogs(ctx context.Context, name string) error {
	return c.call(ctx, "supervisor.clearProcessLogs", nil, arg{"name", name})
}

// ClearAllLogs empties the logs of every process.
func (c *Client) ClearAllLogs(ctx context.Context) (done []api.Status, err error) {
	err = c.call(ctx, "supervisor.clearAllProcessLogs", &done)
	return done, err
}

// Reread makes the server read its configuration again and say what differs.
func (c *Client) Reread(ctx context.Context) (api.Reread, error) {
	var r reread
	err := c.call(ctx, "supervisor.reloadConfig", &r)
	return api.Reread(r), err
}

// AddGroup activates a group of the configuration as last read.
func (c *Client) AddGroup(ctx context.Context, group string) error {
	return c.call(ctx, "supervisor.addProcessGroup", nil, arg{"name", group})
}

// RemoveGroup removes a group whose processes have all stopped.
func (c *Client) RemoveGroup(ctx context.Context, group string) error {
	return c.call(ctx, "supervisor.removeProcessGroup", nil, arg{"name", group})
}

// ConfigChanges tells how what runs differs from the configuration as last read,
// and what UpdateGroup would do about it. The original does not have it.
func (c *Client) ConfigChanges(ctx context.Context) (changes []api.GroupChange, err error) {
	err = c.call(ctx, "supervisor.configChanges", &changes)
	return changes, err
}

// Metrics returns what the server counts and measures. The original does not
// have it.
func (c *Client) Metrics(ctx context.Context) (list []api.Metric, err error) {
	err = c.call(ctx, "supervisor.getMetrics", &list)
	return list, err
}

// UpdateGroup brings a group into line with the configuration as last read, and
// tells what that took. The original does not have it.
func (c *Client) UpdateGroup(ctx context.Context, group string) (done api.GroupChange, err error) {
	err = c.call(ctx, "supervisor.updateGroup", &done, arg{"name", group})
	return done, err
}

// Shutdown asks the server to stop everything and end.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.call(ctx, "supervisor.shutdown", nil)
}

// Restart asks the server to stop everything and start over.
func (c *Client) Restart(ctx context.Context) error {
	return c.call(ctx, "supervisor.restart", nil)
}

// followBacklog is how much of a log a stream of it begins with.
const followBacklog = 1024

// FollowLog streams the activity log: its end, then what is written from then
// on. It returns when ctx ends, emit fails, or the server ends the stream.
func (c *Client) FollowLog(ctx context.Context, emit func([]byte) error) error {
	return c.follow(ctx, log{}, emit)
}

// FollowProcessLog does the same for a channel of a process.
func (c *Client) FollowProcessLog(ctx context.Context, name string, channel api.Channel, emit func([]byte) error) error {
	return c.follow(ctx, log{name, channel}, emit)
}

func (c *Client) follow(ctx context.Context, l log, emit func([]byte) error) error {
	if _, err := c.detect(ctx); err != nil {
		return err
	}
	if err := c.wire.follow(ctx, l, emit); err != nil {
		return c.ioError(ctx, err)
	}
	return nil
}

// reread decodes both forms of the answer: an object, or the three lists in
// an array, which the original puts into one more array.
type reread api.Reread

func (r *reread) UnmarshalJSON(p []byte) error {
	var lists [][]string
	var nested [][][]string
	if json.Unmarshal(p, &nested) == nil && len(nested) == 1 {
		lists = nested[0]
	} else if json.Unmarshal(p, &lists) != nil {
		return json.Unmarshal(p, (*api.Reread)(r))
	}
	if len(lists) != 3 {
		return fmt.Errorf("%d lists instead of three", len(lists))
	}
	r.Added, r.Changed, r.Removed = lists[0], lists[1], lists[2]
	return nil
}
