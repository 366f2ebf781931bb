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
	own   []named
	env   map[string]string // variables, whose names here begin with envPrefix
}

// named is a name with what it stands for.
type named struct {
	name string
	operand
}

func (n *names) with(own []named) *names { return &names{outer: n, own: own} }

// withEnv adds ENV_ names for the variables of env.
func (n *names) withEnv(env map[string]string) *names {
	if len(env) == 0 {
		return n
	}
	return &names{outer: n, env: env}
}

func (n *names) lookup(name string) (operand, bool) {
	variable, isVariable := strings.CutPrefix(name, envPrefix)
	for ; n != nil; n = n.outer {
		for i := range n.own {
			if n.own[i].name == name {
				return n.own[i].operand, true
			}
		}
		if !isVariable {
			continue
		}
		if v, ok := n.env[variable]; ok {
			return operand{text: v}, true
		}
	}
	return operand{}, false
}

// list gives every name, sorted.
func (n *names) list() []string {
	var all []string
	for ; n != nil; n = n.outer {
		for _, o := range n.own {
			all = append(all, o.name)
		}
		for variable := range n.env {
			all = append(all, envPrefix+variable)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// texts makes names of pairs.
func texts(pairs ...string) []named {
	own := make([]named, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		own = append(own, named{pairs[i], operand{text: pairs[i+1]}})
	}
	return own
}

// counted is a name that stands for a number.
func counted(name string, n int) named { return named{name, operand{isNum: true, number: n}} }

// plainHere is the one spelling of "here" that means the directory of the file
// it stands in. Every other form means the main file's.
const plainHere = "%(here)s"

// expansion is one value about to be expanded.
type expansion struct {
	value string
	where string // how the messages name the key
	in    string // the section, where they name that before it
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
	where := x.where
	if x.in != "" {
		where = x.in + "." + where
	}
	var name unknownName
	if errors.As(err, &name) {
		available := x.names.list()
		return "", &hinted{
			text:  fmt.Sprintf(msgUnknownName, repr(value), repr(where), repr(string(name)), strings.Join(available, ", ")),
			brief: briefName(string(name)),
			hint:  nameHint(string(name), available),
		}
	}
	return "", &hinted{
		text:  fmt.Sprintf(msgBadFormat, repr(value), repr(where), err),
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
