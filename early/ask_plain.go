//go:build !(pid1 && (amd64 || arm64) && go1.26 && !go1.27)

package early

// AskForSignals calls ask. With the build tag pid1 signals that are asked for in it take no
// thread.
func AskForSignals(ask func()) { ask() }
