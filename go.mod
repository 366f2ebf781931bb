module gosupervisor

go 1.26.0

require (
	github.com/go-ini/ini v1.67.0
	github.com/peterh/liner v1.2.2
	golang.org/x/sys v0.49.0
)

require (
	github.com/mattn/go-runewidth v0.0.3 // indirect
)
