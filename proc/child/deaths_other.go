//go:build !amd64 && !arm64

package child

// handleDeaths leaves it to package os/signal.
func handleDeaths(int) bool { return false }
