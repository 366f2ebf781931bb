//go:build pid1 && (amd64 || arm64) && go1.26 && !go1.27

package early

import _ "unsafe" // for the linkname below

// forceGC is how many nanoseconds after the last garbage collection the runtime makes
// one for nothing's sake. Its monitor wakes up twice in that time to look, in a program
// in which nothing happens.
//
//go:linkname forceGC runtime.forcegcperiod
var forceGC int64

// Never: the daemon has memory collected and given back when it comes to rest, and
// the runtime does as ever when the heap has grown. The number is one that the runtime
// can still halve and add to a time.
func init() { forceGC = 1 << 61 }
