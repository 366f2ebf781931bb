package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// names is a set of expansion names. A set extends the one it was made from and
// hides its names, so that a thousand programs share one copy of the environment.
type names struct {
	outer *names
	own   map[string]operand
}

func (n *names) with(own map[string]operand) *names { return &names{n, own} }

// withEnv adds ENV_ names for the variables of env.
func (n *names) withEnv(env map[string]string) *names {
	if len(env) == 0 {
		return n
	}
	own := make(map[string]operand, len(env))
	for k, v := range env {
		own["ENV_"+k] = operand{text: v}
	}
	return n.with(own)
}

func (n *names) lookup(name string) (operand, bool) {
	for ; n != nil; n = n.outer {
		if o, ok := n.own[name]; ok {
			return o, true
		}
	}
	return operand{}, false
}

// list gives every name, sorted.
func (n *names) list() []string {
	var all []string
	for ; n != nil; n = n.outer {
		for name := range n.own {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func texts(pairs ...string) map[string]operand {
	m := make(map[string]operand, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = operand{text: pairs[i+1]}
	}
	return m
}

// plainHere is the one spelling of "here" that means the directory of the file
// it stands in. Every other form means the main file's.
const plainHere = "%(here)s"

// expansion is one value about to be expanded.
type expansion struct {
	value string
	where string // how the messages name the key
	names *names
	here  *string // what plainHere stands for, if not for what names say

	textual bool // here is put in first, whatever stands before it
}

// run expands the value. The error is the original's.
func (x expansion) run() (string, error) {
	if x.textual {
		x.value = strings.ReplaceAll(x.value, plainHere, *x.here)
	}
	out, err := formatTemplate(x.value, func(d directive) (operand, error) {
		if x.here != nil && d.text == plainHere {
			return operand{text: *x.here}, nil
		}
		if o, ok := x.names.lookup(d.name); ok {
			return o, nil
		}
		return operand{}, unknownName(d.name)
	})
	if err == nil {
		return out, nil
	}
	value := x.value
	if x.here != nil {
		value = strings.ReplaceAll(value, plainHere, *x.here)
	}
	var name unknownName
	if errors.As(err, &name) {
		available := x.names.list()
		return "", &hinted{
			text:  fmt.Sprintf(msgUnknownName, repr(value), repr(x.where), repr(string(name)), strings.Join(available, ", ")),
			brief: briefName(string(name)),
			hint:  nameHint(string(name), available),
		}
	}
	return "", &hinted{
		text:  fmt.Sprintf(msgBadFormat, repr(value), repr(x.where), err),
		brief: err.Error(),
		hint:  "write %% for a percent sign",
	}
}

// hinted is an error that knows what is likely to be done about it.
type hinted struct {
	text  string
	brief string // for where the text has been said already; may be empty
	hint  string
}

// withHint adds a hint to the text of an error.
func withHint(err error, hint string) error { return &hinted{text: err.Error(), hint: hint} }

// WithHint is for errors of a Host that know what may be done.
func WithHint(err error, hint string) error { return withHint(err, hint) }

func (e *hinted) Error() string { return e.text }

// hintOf is the hint that an error carries, if it does.
func hintOf(err error) string {
	var e *hinted
	if errors.As(err, &e) {
		return e.hint
	}
	return ""
}

// briefOf is the brief text of an error, if it has one.
func briefOf(err error) string {
	var e *hinted
	if errors.As(err, &e) {
		return e.brief
	}
	return ""
}

// envPrefix begins the names of environment variables.
const envPrefix = "ENV_"

const hintNotSet = "the environment variable %s is not set"

// briefName says what is wrong with an unknown name.
func briefName(name string) string {
	if variable, ok := strings.CutPrefix(name, envPrefix); ok {
		return fmt.Sprintf(hintNotSet, variable)
	}
	return fmt.Sprintf("the name %s is unknown", repr(name))
}

// nameHint says what is likely wrong with an unknown name.
func nameHint(name string, available []string) string {
	variable, isVariable := strings.CutPrefix(name, envPrefix)
	if isVariable { // the prefix that all have in common makes none of them alike
		available = slices.Clone(available)
		for i := range available {
			available[i] = strings.TrimPrefix(available[i], envPrefix)
		}
	}
	near := nearest(variable, available)
	switch {
	case near != "" && isVariable:
		return fmt.Sprintf("did you mean %%(%s%s)s?", envPrefix, near)
	case near != "":
		return fmt.Sprintf("did you mean %%(%s)s?", near)
	case isVariable:
		return fmt.Sprintf(hintNotSet, variable)
	}
	if slices.Contains([]string{"process_num", "numprocs", "program_name", "group_name", "host_node_name", "here"}, name) {
		return "the name exists, but not for this key"
	}
	return ""
}

// collapsePercent is the second pass that log file names once had: where the
// first left a doubled percent sign, it becomes a single one.
func collapsePercent(s string) string { return strings.ReplaceAll(s, "%%", "%") }
