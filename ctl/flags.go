package ctl

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gosupervisor/ctl/api"
)

// flag is one that a verb takes: --name, or with a value --name=VALUE or
// --name VALUE, and -s, -sVALUE or -s VALUE if it has a short form.
//
// A verb declares its flags in the last column of its row in verbs.go. They
// stand anywhere behind the verb, in the shell too, until a word that is --,
// and are taken out of the argument that the verb gets. The verb reads what was
// given from session.flags, by the name and the type that parse returns:
//
//	{"wait", processNames, (*session).wait, helpWait, []flag{timeoutFlag,
//		{name: "for", value: "STATE", parse: oneOf("running", "stopped"), words: ..., help: "which state to wait for"},
//		{name: "quiet", short: "q", help: "print nothing"}}}
//
//	goal := given(s.flags, "for", "running") // a string, for oneOf and a parse that is nil
//	if s.flags.on("quiet") { ...
//
// Every verb takes --json without declaring it; see json.go for how it answers.
// Every verb takes --help, too, and is not run with it.
// timeoutFlag needs no reading: it ends the context of the verb, and an error
// that comes from that becomes its message and the exit code 124.
type flag struct {
	name  string
	short string                    // one letter; empty: there is none
	value string                    // what the help calls its value; empty: it takes none
	parse func(string) (any, error) // nil: any text
	words []string                  // the values that completion offers
	help  string                    // what it does, for the help and completion
}

var (
	helpFlag    = flag{name: "help", help: "print the help of the verb"}
	jsonFlag    = flag{name: "json", help: "print one JSON document a line, and no other text"}
	timeoutFlag = flag{name: "timeout", value: "SECS", parse: parsePatience, help: "give up after so long (90, 1.5, 1m30s), with exit code 124"}
)

// timed are the flags of a verb that waits for the server and has no others.
var timed = []flag{timeoutFlag}

// flagValues are the flags that were given with one command, by name.
type flagValues map[string]any

// on tells whether a flag was given.
func (f flagValues) on(name string) bool {
	_, ok := f[name]
	return ok
}

// given returns the value of a flag, or what to take it for if it was not given.
func given[T any](f flagValues, name string, otherwise T) T {
	v, ok := f[name]
	if !ok {
		return otherwise
	}
	t, ok := v.(T)
	if !ok {
		panic(fmt.Sprintf("bug: --%s is a %T", name, v))
	}
	return t
}

// oneOf parses a value that is one of words.
func oneOf(words ...string) func(string) (any, error) {
	return func(text string) (any, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		if near := nearest(text, words); near != "" {
			return nil, fmt.Errorf(textDidYouMean, near)
		}
		return nil, fmt.Errorf("it is one of %s", strings.Join(words, ", "))
	}
}

// nearest returns what word was most likely meant to be, or "": the one that it
// begins, or one that differs little.
func nearest(word string, candidates []string) string {
	begins := func(c string) bool { return strings.HasPrefix(c, strings.ToLower(word)) }
	if i := slices.IndexFunc(candidates, begins); len(word) > 1 && i >= 0 && !slices.ContainsFunc(candidates[i+1:], begins) {
		return candidates[i]
	}
	return api.Nearest(word, candidates)
}

// parseCount parses a number that is not negative.
func parseCount(text string) (any, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("it must be a whole number, such as 20")
	}
	return n, nil
}

// parsePatience parses a time: seconds, or a number with a unit.
func parsePatience(text string) (any, error) {
	d, err := time.ParseDuration(text)
	if secs, bad := strconv.ParseFloat(text, 64); bad == nil && secs < math.MaxInt64/float64(time.Second) {
		d, err = time.Duration(secs*float64(time.Second)), nil
	}
	if err != nil || d <= 0 {
		return nil, fmt.Errorf("it must be seconds or a time such as 1m30s, and more than nothing")
	}
	return d, nil
}

// flags returns all flags of a verb. To those of the original -h is a name.
func (v verb) flags() []flag {
	help := helpFlag
	if v.own() {
		help.short = "h"
	}
	return append(slices.Clone(v.takes), jsonFlag, help)
}

// cutFlags takes the flags out of what stands behind a verb. What is wrong with
// them comes back as a complaint and a hint; the flags before and after it
// count all the same, so that it can be told in the form that was asked for.
//
// Of a verb of our own every word that begins with a dash is a flag, right or
// wrong. To those of the original a word with one dash is a name where it is no
// flag of ours: "start -web" starts -web.
func cutFlags(known []flag, own bool, arg string) (rest string, set flagValues, complaint, hint string) {
	c := flagCutter{known: known, own: own, words: strings.Fields(arg), set: flagValues{}}
	for len(c.words) > 0 {
		c.cut()
	}
	if !c.found {
		return arg, c.set, "", "" // word by word as it came
	}
	return strings.Join(c.rest, " "), c.set, c.complaint, c.hint
}

// flagCutter goes through the words of an argument.
type flagCutter struct {
	known           []flag
	own             bool     // no word with a dash is a name
	words           []string // still to come
	rest            []string // no flags
	set             flagValues
	found           bool
	complaint, hint string // of the first mistake
}

func (c *flagCutter) cut() {
	word := c.words[0]
	c.words = c.words[1:]
	long, isLong := strings.CutPrefix(word, "--")
	switch {
	case word == "--":
		c.found = true
		c.rest = append(c.rest, c.words...)
		c.words = nil
	case isLong && (c.own || !numeric(long)):
		c.found = true
		c.long(word, long)
	case !isLong && len(word) > 1 && word[0] == '-' && c.cluster(word[1:]):
		c.found = true
	case c.own && !isLong && len(word) > 1 && word[0] == '-':
		c.found = true
		c.unknownShort(word)
	default:
		c.rest = append(c.rest, word)
	}
}

// numeric tells whether a word is a number, as in tail --5, which the original
// takes for an offset.
func numeric(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsDigit(r) })
}

func (c *flagCutter) long(word, text string) {
	name, value, hasValue := strings.Cut(text, "=")
	i := slices.IndexFunc(c.known, func(f flag) bool { return f.name == name })
	switch {
	case i < 0:
		c.unknown(word, name)
	case c.known[i].value == "" && hasValue:
		c.wrong("Error: --"+name+" takes no value", "")
	case c.known[i].value == "":
		c.set[name] = true
	case hasValue:
		c.take(c.known[i], value)
	default:
		c.takeNext(c.known[i])
	}
}

// cluster takes letters behind one dash, if the first of them is a flag.
func (c *flagCutter) cluster(letters string) bool {
	word := letters
	for first := true; letters != ""; first = false {
		_, size := utf8.DecodeRuneInString(letters)
		letter, more := letters[:size], letters[size:]
		i := slices.IndexFunc(c.known, func(f flag) bool { return f.short == letter })
		switch {
		case i < 0 && first:
			return false
		case i < 0 && c.nearest(word) != "": // -follow
			c.unknownShort("-" + word)
			return true
		case i < 0:
			c.wrong(fmt.Sprintf(textBadArgument, "-"+letter), c.listing())
		case c.known[i].value == "":
			c.set[c.known[i].name] = true
		case more != "":
			c.take(c.known[i], more)
			return true
		default:
			c.takeNext(c.known[i])
		}
		letters = more
	}
	return true
}

func (c *flagCutter) takeNext(f flag) {
	if len(c.words) == 0 {
		c.wrong("Error: --"+f.name+" needs a value", fmt.Sprintf("write --%s=%s", f.name, f.value))
		return
	}
	c.take(f, c.words[0])
	c.words = c.words[1:]
}

func (c *flagCutter) take(f flag, text string) {
	if f.parse == nil {
		c.set[f.name] = text
		return
	}
	v, err := f.parse(text)
	if err != nil {
		c.wrong(fmt.Sprintf("Error: bad value '%s' of --%s", text, f.name), err.Error())
		return
	}
	c.set[f.name] = v
}

func (c *flagCutter) unknown(word, name string) {
	hint := c.listing()
	if near := c.nearest(name); near != "" {
		hint = fmt.Sprintf(textDidYouMean, "--"+near)
	}
	c.wrong(fmt.Sprintf(textBadArgument, word), hint)
}

// unknownShort complains of a word with one dash: a number stands for the lines
// of other programs, and a word for a flag with two dashes.
func (c *flagCutter) unknownShort(word string) {
	hint := c.listing()
	if i := slices.IndexFunc(c.known, func(f flag) bool { return f.short == "n" && f.value != "" }); i >= 0 && numeric(word[1:]) {
		hint = fmt.Sprintf(textDidYouMean, "-n "+word[1:])
	} else if near := c.nearest(word[1:]); near != "" && len(word) > 2 {
		hint = fmt.Sprintf(textDidYouMean, "--"+near)
	}
	c.wrong(fmt.Sprintf(textBadArgument, word), hint)
}

// nearest returns the flag that was most likely meant, or "".
func (c *flagCutter) nearest(name string) string {
	name, _, _ = strings.Cut(name, "=")
	var names []string
	for _, f := range c.known {
		names = append(names, f.name)
	}
	return nearest(name, names)
}

// listing names the flags that there are, and how to write what is none.
func (c *flagCutter) listing() string {
	var forms []string
	for _, f := range c.known {
		forms = append(forms, f.form())
	}
	return "the flags here are " + strings.Join(forms, ", ") + "; a name that begins like one stands behind --"
}

func (c *flagCutter) wrong(complaint, hint string) {
	if c.complaint == "" {
		c.complaint, c.hint = complaint, hint
	}
}

// form returns how a flag is written.
func (f flag) form() string {
	form := "--" + f.name
	if f.value != "" {
		form += "=" + f.value
	}
	if f.short != "" {
		form = "-" + f.short + ", " + form
	}
	return form
}
