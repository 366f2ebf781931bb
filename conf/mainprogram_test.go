package conf

import (
	"slices"
	"strings"
	"testing"
)

func TestTheMainProgram(t *testing.T) {
	c := mustLoad(t, "[supervisord]\nenvironment=A=1\n[program:p]\ncommand=x\npriority=9999\n")
	argv := []string{"sh", "-c", `echo "a b" 'c\d'`, "", "\t"}
	if err := c.AddMain(argv); err != nil {
		t.Fatal(err)
	}
	g := c.Groups[len(c.Groups)-1]
	p := g.Programs[0]
	if words, err := SplitCommand(p.Command); err != nil || !slices.Equal(words, argv) || !p.Main {
		t.Errorf("the command is %s, read as %q, %v", p.Command, words, err)
	}
	if g.Name != "main" || p.Name != "main" || g.Priority <= 9999 || p.Environment["A"] != "1" || !c.Server.Nodaemon {
		t.Errorf("got %+v, %+v", g, p)
	}
	if err := c.AddMain(argv); err == nil || !strings.Contains(err.Error(), "the name main is taken by [program:main]") {
		t.Errorf("a second one: %v", err)
	}
}
