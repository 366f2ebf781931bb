// Package usage reads from /proc what processes take of the machine: processor
// time, memory, threads, open files, each summed up over a process and all its
// descendants.
//
// It holds nothing open and keeps nothing; a Table is what one reading has
// found. Reading takes a few microseconds for each process of the machine, so
// it is not for a goroutine that others wait for. It may import nothing of ours.
package usage
