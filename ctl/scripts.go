package ctl

import (
	"fmt"
	"strings"
)

// argWords names the kinds of arguments to the scripts.
var argWords = [...]string{
	nothing: "", verbNames: "verbs", groupNames: "groups", processNames: "processes", signalThenProcesses: "signals", shellNames: "shells",
}

// bashScripter writes for bash.
type bashScripter struct{}

func (bashScripter) alternative() string { return " | " }

func (bashScripter) options(all []string) string { return strings.Join(all, " ") }

func (bashScripter) names(table []verb) string {
	return strings.Join(append(listed(table), "help"), " ")
}

func (bashScripter) verbs(table []verb) string {
	var b strings.Builder
	for _, v := range table {
		fmt.Fprintf(&b, "    %s) args=%s flags=%s takes=%s ;;\n", v.name, argWords[v.args], quote(strings.Join(v.flagWords(), " ")), quote(strings.Join(v.taking(), " ")))
	}
	return b.String()
}

func (bashScripter) values(table []verb) string {
	return caseOfValues(table, func(words []string) string { return quote(strings.Join(words, " ")) })
}

// caseOfValues writes the branches of a case over "VERB FLAG".
func caseOfValues(table []verb, list func(words []string) string) string {
	var b strings.Builder
	for _, v := range table {
		for _, f := range v.flags() {
			if len(f.words) == 0 {
				continue
			}
			pattern := quote(v.name + " --" + f.name)
			if f.short != "" {
				pattern += " | " + quote(v.name+" -"+f.short)
			}
			fmt.Fprintf(&b, "    %s) values=%s ;;\n", pattern, list(f.words))
		}
	}
	return b.String()
}

// zshScripter writes for zsh.
type zshScripter struct{}

func (zshScripter) alternative() string { return " | " }

func (zshScripter) options(all []string) string { return strings.Join(all, " ") }

// described is a word with what it means, for _describe.
func described(word, text string) string {
	return quote(strings.ReplaceAll(word, ":", `\:`) + ":" + text)
}

func (zshScripter) names(table []verb) string {
	var lines []string
	for _, v := range table {
		lines = append(lines, "        "+described(v.name, v.summary()))
	}
	return strings.Join(lines, "\n")
}

func (zshScripter) verbs(table []verb) string {
	var b strings.Builder
	for _, v := range table {
		var bare, valued []string
		for _, word := range oddWords(v.name) {
			bare = append(bare, quote(word))
		}
		for _, f := range v.flags() {
			if f.value != "" {
				valued = append(valued, described("--"+f.name+"=", f.help))
			} else {
				bare = append(bare, described("--"+f.name, f.help))
			}
		}
		fmt.Fprintf(&b, "    %s) args=%s bare=(%s) valued=(%s) takes=(%s) ;;\n", v.name, argWords[v.args],
			strings.Join(bare, " "), strings.Join(valued, " "), strings.Join(v.taking(), " "))
	}
	return b.String()
}

func (zshScripter) values(table []verb) string {
	return caseOfValues(table, func(words []string) string { return "(" + strings.Join(words, " ") + ")" })
}

// fishScripter writes for fish, which is told of each word and flag apart.
type fishScripter struct{}

func (fishScripter) alternative() string { return " " }

func (fishScripter) options([]string) string { return "" }

func (fishScripter) names([]verb) string { return "" }

func (fishScripter) values([]verb) string { return "" }

func (fishScripter) verbs(table []verb) string {
	var b strings.Builder
	for _, o := range options {
		fmt.Fprintf(&b, "complete -c supervisorctl -n __supervisorctl_no_verb -s %s", fishQuote(strings.TrimSuffix(o.short, ":")))
		if o.long != "" {
			fmt.Fprintf(&b, " -l %s", strings.TrimSuffix(o.long, "="))
		}
		switch o.short {
		case "c:", "r:":
			b.WriteString(" -rF")
		case "s:", "u:", "p:":
			b.WriteString(" -x")
		}
		b.WriteByte('\n')
	}
	for _, v := range table {
		fmt.Fprintf(&b, "complete -c supervisorctl -n __supervisorctl_no_verb -a %s -d %s\n", v.name, fishQuote(v.summary()))
		is := fishQuote("__supervisorctl_verb " + v.name)
		if words := fishWords(v.args); words != "" {
			fmt.Fprintf(&b, "complete -c supervisorctl -n %s -a %s\n", is, fishQuote(words))
		}
		for _, word := range oddWords(v.name) {
			fmt.Fprintf(&b, "complete -c supervisorctl -n %s -s %s\n", is, strings.TrimPrefix(word, "-"))
		}
		for _, f := range v.flags() {
			fmt.Fprintf(&b, "complete -c supervisorctl -n %s -l %s", is, f.name)
			if f.short != "" {
				fmt.Fprintf(&b, " -s %s", f.short)
			}
			if f.value != "" {
				fmt.Fprintf(&b, " -x -a %s", fishQuote(strings.Join(f.words, " ")))
			}
			fmt.Fprintf(&b, " -d %s\n", fishQuote(f.help))
		}
	}
	return b.String()
}

// fishWords is what fish evaluates for the words of a kind.
func fishWords(k kind) string {
	switch k {
	case verbNames:
		return strings.Join(append(listed(verbs()), "help"), " ")
	case shellNames:
		return strings.Join(shells(), " ")
	case signalThenProcesses:
		return "(__supervisorctl_signals)"
	case groupNames, processNames:
		return "(__supervisorctl_live " + argWords[k] + ")"
	}
	return ""
}

// fishQuote makes one word of text for fish.
func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
