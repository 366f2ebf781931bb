// Package lacking leaves tests out that the machine lacks something for, and
// fails them where everything has to be there. Only tests may import it; it
// imports nothing of ours and has no state.
package lacking
