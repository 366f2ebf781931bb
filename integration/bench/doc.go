// Command bench measures the built supervisord beside its peers and beside small
// programs that do the same task and nothing else (limit/limit.c). It is run by
// "make bench", as root, and prints a table with ratios and every raw sample.
package main
