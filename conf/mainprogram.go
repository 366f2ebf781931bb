package conf

import (
	"fmt"
	"math"
	"strings"
	"syscall"
)

// MainName is the name of the program, and of its group, that a command line makes.
const MainName = "main"

// AddMain adds the command of a command line as the main program: it starts last,
// stops first, and when it ends, the daemon does, with its status. Its input and
// outputs are our own.
func (c *Config) AddMain(argv []string) error {
	for _, g := range c.Groups {
		if g.Name == MainName {
			return fmt.Errorf("the name %s is taken by [%s]: with a command on the command line, it is the command's; rename the section", MainName, g.Section)
		}
	}
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = quoteWord(word)
	}
	section := "program:" + MainName
	c.Groups = append(c.Groups, &Group{
		Section: section, Name: MainName, Kind: KindProgram, Priority: math.MaxInt32,
		Programs: []*Program{{
			Section: section, Group: MainName, Name: MainName, Command: strings.Join(words, " "), Main: true,
			Umask: -1, Environment: c.Server.Environment, Priority: math.MaxInt32, Autostart: true, Autorestart: RestartNever,
			ExitCodes: []int{0}, StopSignal: syscall.SIGTERM, StopWaitSecs: 10, ReloadSignal: syscall.SIGHUP, OnFatal: FatalShutdown, OnExit: ExitShutdown,
		}},
	})
	c.Server.Nodaemon = true
	return nil
}

// quoteWord writes a word so that SplitCommand reads it back.
func quoteWord(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\r\n'\"\\") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
