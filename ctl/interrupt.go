package ctl

import (
	"context"
	"os"
	"os/signal"
)

// interruptible returns a context that Ctrl-C ends. Where the parent process
// had us ignore the signal, as a shell does for what runs in the background,
// it stays ignored.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(os.Interrupt) {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, os.Interrupt)
}
