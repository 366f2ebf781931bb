package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/promtext"
)

// textfileTime is how long the making of one file may take.
const textfileTime = 10 * time.Second

// textfile is the file that the metrics are written to. Its goroutine owns it.
type textfile struct {
	h       *host
	conf    conf.Metrics
	failing bool // the last one could not be written, and that was told
}

// keep writes the metrics again and again until ctx ends, and removes the file
// then: what is not true any more must not be read. It is a client as any other.
func (f *textfile) keep(ctx context.Context) {
	ticker := time.NewTicker(time.Duration(f.conf.Interval) * time.Second)
	defer ticker.Stop()
	for {
		f.write(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			_ = os.Remove(f.conf.Textfile) // whatever keeps it, we are leaving
			return
		}
	}
}

// write writes the metrics once, and tells when that begins to fail and when it
// works again.
func (f *textfile) write(ctx context.Context) {
	switch err := f.h.writeTextfile(ctx, f.conf.Textfile); {
	case ctx.Err() != nil:
	case err != nil && !f.failing:
		f.failing = true
		f.h.journal.logf(conf.Error, "cannot write the metrics to %s, trying again every %d seconds: %v", f.conf.Textfile, f.conf.Interval, err)
	case err == nil && f.failing:
		f.failing = false
		f.h.journal.logf(conf.Info, "the metrics can be written to %s again", f.conf.Textfile)
	}
}

// writeTextfile writes the file under another name and then gives it its own, so
// that nobody reads half of it.
func (h *host) writeTextfile(ctx context.Context, path string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, textfileTime)
	defer cancel()
	v, err := h.Do(ctx, api.GetMetrics{})
	var fault *api.Fault
	if errors.As(err, &fault) && fault.Code == api.ShutdownState {
		return nil // the last one stays while we leave
	}
	if err != nil {
		return err
	}
	list, ok := v.([]api.Metric)
	if !ok {
		return fmt.Errorf("got %T for metrics", v)
	}
	// A leading dot and no .prom at the end: collectors pass it by.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // it is of no use to anybody
		}
	}()
	err = errors.Join(promtext.Write(f, list), f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
