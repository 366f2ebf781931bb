//go:build !race

package serve

const watched = false
