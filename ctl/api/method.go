package api

import (
	"sort"
	"strings"
	"sync"
)

// APIVersion is what getAPIVersion answers. Clients recognise a Supervisor by it.
const APIVersion = "3.0"

// Type names the type of a parameter or a result.
type Type string

// The types. Data, Signal, Output and ToState are refinements that an XML-RPC
// signature shows as string, Names is an array; Any takes every value.
const (
	String  Type = "string"
	Int     Type = "int"
	Boolean Type = "boolean"
	Array   Type = "array"
	Struct  Type = "struct"
	Data    Type = "bytes"   // any bytes: see Bytes
	Signal  Type = "signal"  // a name or a number, as text or as int
	Output  Type = "channel" // "stdout" or "stderr"
	ToState Type = "goal"    // one of Goals
	Names   Type = "names"   // a string, or an array of strings
	Any     Type = "any"
)

// XMLRPC returns the type as an XML-RPC signature names it.
func (t Type) XMLRPC() string {
	switch t {
	case Data, Signal, Output, ToState:
		return string(String)
	case Names:
		return string(Array)
	}
	return string(t)
}

// Param is one parameter of a Method.
type Param struct {
	Name     string
	Type     Type
	Optional bool
	Default  any // for an optional one: a bool, int64 or string
	Doc      string
	Echo     bool // a wrong value alone is the detail of the fault, as in the original
}

// Method is one row of the table: what a wire needs to know to turn a call
// into a Request and to describe it.
type Method struct {
	Name      string // in full, such as supervisor.startProcess
	Params    []Param
	Result    Type
	Doc       string // one or two sentences
	ResultDoc string
	Slow      bool   // it waits for processes or disks: the answer may take its time
	Stream    bool   // answered by Service.Follow, with many pieces
	AliasOf   string // the name it is another name of
	XMLRPC    bool   // one of the names that XML-RPC clients know
	Access    Access // what a client needs to call it
	Scope     Scope  // and for which processes

	// Build makes the request from arguments that Args has checked. It is nil
	// for what the connection answers itself: everything in system.
	Build func(a []any) Request
}

// Prefixes of method names.
const (
	SupervisorPrefix = "supervisor."
	SystemPrefix     = "system."
)

var methodIndex = sync.OnceValue(func() map[string]*Method {
	index := make(map[string]*Method, len(Methods))
	for i := range Methods {
		index[Methods[i].Name] = &Methods[i]
	}
	return index
})

// Lookup returns the method with the full name given.
func Lookup(name string) (*Method, bool) {
	m, ok := methodIndex()[name]
	return m, ok
}

// MethodNames returns the names of all methods, or of those that XML-RPC
// clients know, sorted.
func MethodNames(xmlrpcOnly bool) []string {
	var names []string
	for i := range Methods {
		if Methods[i].XMLRPC || !xmlrpcOnly {
			names = append(names, Methods[i].Name)
		}
	}
	sort.Strings(names)
	return names
}

// Signature returns the XML-RPC signature: the type of the result, then those
// of the parameters.
func (m *Method) Signature() []string {
	s := []string{m.Result.XMLRPC()}
	for _, p := range m.Params {
		s = append(s, p.Type.XMLRPC())
	}
	return s
}

// Help returns the text of system.methodHelp: the description, then one line
// for each parameter and one for the result.
func (m *Method) Help() string {
	var b strings.Builder
	b.WriteString(m.Doc + "\n\n")
	for _, p := range m.Params {
		b.WriteString("@param " + p.Type.XMLRPC() + " " + p.Name + " " + p.Doc + "\n")
	}
	b.WriteString("@return " + m.Result.XMLRPC() + " result " + m.ResultDoc + "\n")
	return b.String()
}

// Usage returns the parameters in short form, such as "name, [wait]".
func (m *Method) Usage() string {
	if len(m.Params) == 0 {
		return "no parameters"
	}
	var words []string
	for _, p := range m.Params {
		if p.Optional {
			words = append(words, "["+p.Name+"]")
		} else {
			words = append(words, p.Name)
		}
	}
	return strings.Join(words, ", ")
}
