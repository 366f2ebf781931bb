package conf

import (
	"fmt"
	"strings"
	"testing"
)

func TestGetopt(t *testing.T) {
	const short = "nc:u:h?"
	long := []string{"nodaemon", "configuration=", "user=", "logfile=", "logfile_maxbytes=", "help", "+heap", "+lint="}
	for _, tt := range []struct{ name, args, want string }{
		{"nothing", "", "[] []"},
		{"a flag", "-n", "[{-n }] []"},
		{"an argument in the next word", "-c x -n", "[{-c x} {-n }] []"},
		{"an argument in the same word", "-cx", "[{-c x}] []"},
		{"bundled flags", "-nhc x", "[{-n } {-h } {-c x}] []"},
		{"a question mark", "-?", "[{-? }] []"},
		{"a long flag", "--nodaemon", "[{--nodaemon }] []"},
		{"a long argument after =", "--user=me=you", "[{--user me=you}] []"},
		{"an empty argument after =", "--user=", "[{--user }] []"},
		{"a long argument in the next word", "--user me", "[{--user me}] []"},
		{"a unique prefix", "--noda --conf=x", "[{--nodaemon } {--configuration x}] []"},
		{"a full name that is also a prefix", "--logfile x", "[{--logfile x}] []"},
		{"the first other word ends the options", "-n start -c x", "[{-n }] [start -c x]"},
		{"two dashes end the options", "-n -- -c", "[{-n }] [-c]"},
		{"a single dash is a word", "- -n", "[] [- -n]"},
		{"an unknown letter", "-Z", "! option -Z not recognized"},
		{"a colon is no option", "-:", "! option -: not recognized"},
		{"an unknown word", "--foo", "! option --foo not recognized"},
		{"an unknown word with argument", "--foo=x", "! option --foo not recognized"},
		{"a letter without its argument", "-nc", "! option -c requires argument"},
		{"a word without its argument", "--conf", "! option --configuration requires argument"},
		{"a prefix of several", "--lo x", "! option --lo not a unique prefix"},
		{"a flag with an argument", "--noda=1", "! option --nodaemon must not have an argument"},
		{"a word that must be in full", "--heap --lint x", "[{--heap } {--lint x}] []"},
		{"a word that must be in full, cut short", "--hea", "! option --hea not recognized"},
		{"a prefix that it shares with another", "--he", "[{--help }] []"},
		{"the sign that marks it", "--+heap", "! option --+heap not recognized"},
		{"a letter beyond ASCII", "-é", "! option -é not recognized"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts, rest, err := Getopt(strings.Fields(tt.args), short, long)
			if got := outcome(fmt.Sprint(opts, rest), err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
