package ctl

import (
	"context"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The scripts, with words in capitals between at signs for what the tables of
// verbs, flags and options say.
//
//go:embed completion
var completionScripts embed.FS

// hiddenNames is the verb by which the scripts ask for names.
const hiddenNames = "__names"

// namesPatience is how long a server may take to answer a script; the person
// at the keyboard waits too.
const namesPatience = time.Second

// signalNames are those that one sends to a process.
var signalNames = []string{"HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "STOP", "CONT", "WINCH"}

// oddWords are the words with a dash that are no flags.
func oddWords(verb string) []string {
	if verb == "maintail" || verb == "tail" {
		return []string{"-f"}
	}
	return nil
}

// scripter writes what the tables say in the language of a shell.
type scripter interface {
	verbs([]verb) string     // @VERBS@: the arguments and flags of each verb
	values([]verb) string    // @VALUES@: the values of the flags that have a list of them
	names([]verb) string     // @NAMES@: the verbs
	alternative() string     // what stands between patterns of a case
	options([]string) string // @OPTIONS@
}

func scripters() map[string]scripter {
	return map[string]scripter{"bash": bashScripter{}, "zsh": zshScripter{}, "fish": fishScripter{}}
}

// shells returns the shells that there are scripts for.
func shells() []string { return slices.Sorted(maps.Keys(scripters())) }

// completion prints the completion script of a shell.
func (s *session) completion(_ context.Context, shell string) error {
	_, ok := scripters()[shell]
	if !ok {
		hint := ""
		if near := nearest(shell, shells()); near != "" {
			hint = fmt.Sprintf(textDidYouMean, near)
		}
		s.badWord(exitUsage, "Error: completion takes one of "+strings.Join(shells(), ", "), hint)
		return nil
	}
	script := completionScript(shell, shown())
	fmt.Fprint(s.out, script)
	s.result(script)
	return nil
}

// completionScript fills the script of a shell in from a table of verbs.
func completionScript(shell string, table []verb) string {
	w := scripters()[shell]
	template, err := completionScripts.ReadFile("completion/supervisorctl." + shell)
	if err != nil {
		panic("bug: " + err.Error())
	}
	var file, value, bare, all []string
	for _, o := range options {
		forms := o.forms()
		all = append(all, forms...)
		switch {
		case o.short == "c:" || o.short == "r:":
			file = append(file, forms...)
		case strings.HasSuffix(o.short, ":"):
			value = append(value, forms...)
		default:
			bare = append(bare, forms...)
		}
	}
	either := func(forms []string) string {
		quoted := make([]string, len(forms))
		for i, f := range forms {
			quoted[i] = quote(f)
		}
		return strings.Join(quoted, w.alternative())
	}
	return strings.NewReplacer(
		"@VERBS@\n", w.verbs(table), "@VALUES@\n", w.values(table), "@NAMES@\n", w.names(table)+"\n", "@NAMES@", w.names(table),
		"@FILE_OPTIONS@", either(file), "@VALUE_OPTIONS@", either(value), "@BARE_OPTIONS@", either(bare),
		"@OPTIONS@", w.options(all), "@SIGNALS@", strings.Join(signalNames, " "), "@SHELLS@", strings.Join(shells(), " "),
		"@HIDDEN@", hiddenNames,
	).Replace(string(template))
}

// forms returns how an option is written.
func (o option) forms() []string {
	forms := []string{"-" + strings.TrimSuffix(o.short, ":")}
	if o.long != "" {
		forms = append(forms, "--"+strings.TrimSuffix(o.long, "="))
	}
	return forms
}

// quote makes one word of text for any of the shells.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'"'"'`) + "'" }

// summary is what a verb does, in a line.
func (v verb) summary() string {
	for line := range strings.Lines(v.help) {
		if _, text, ok := strings.Cut(line, "\t"); ok && strings.TrimSpace(text) != "" {
			return strings.TrimSpace(text)
		}
	}
	return ""
}

// taking returns the words behind which the value of a flag stands.
func (v verb) taking() []string {
	var words []string
	for _, f := range v.flags() {
		if f.value != "" {
			words = append(words, "--"+f.name)
			if f.short != "" {
				words = append(words, "-"+f.short)
			}
		}
	}
	return words
}

// shown returns the verbs that completion knows.
func shown() []verb {
	return slices.DeleteFunc(verbs(), func(v verb) bool { return v.help == "" })
}

// namesFor prints the names that may stand for what is typed, one a line, and
// nothing where the server does not tell them at once.
func (s *session) namesFor(ctx context.Context, arg string) error {
	s.entries()
	what, typed, _ := strings.Cut(arg, " ")
	s.options.Patience = namesPatience
	c, err := s.connect()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, namesPatience)
	defer cancel()
	var names []string
	switch all, err := c.Processes(ctx); {
	case err != nil:
		return nil
	case what == "groups":
		names = groupNamesOf(ctx, c, all)
	default:
		names = namesOf(all, strings.Contains(typed, ":"))
	}
	for _, name := range names {
		if strings.HasPrefix(name, typed) && typeable(name) {
			s.printf("%s", name)
			s.entry(name)
		}
	}
	return nil
}
