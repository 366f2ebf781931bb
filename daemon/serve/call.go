package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sort"
	"strings"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// wire says through which codec a call came.
type wire int

const (
	overXMLRPC wire = iota
	overLines
	overPage
)

// String names the wire in the activity log.
func (w wire) String() string {
	return [...]string{overXMLRPC: "XML-RPC", overLines: "NDJSON", overPage: "page"}[w]
}

// names lists what can be called over w, sorted.
func (s *Server) names(w wire) []string {
	names := []string{}
	for _, name := range api.MethodNames(w == overXMLRPC) {
		if rest, ok := strings.CutPrefix(name, api.SupervisorPrefix); ok {
			if s.o.Namespace == "" {
				continue
			}
			name = s.o.Namespace + "." + rest
		}
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// lookup finds the method that a client calls name.
func (s *Server) lookup(name string, w wire) (*api.Method, *api.Fault) {
	full := name
	if !strings.HasPrefix(name, api.SystemPrefix) {
		namespace, rest, dotted := strings.Cut(name, ".")
		if s.o.Namespace == "" || namespace != s.o.Namespace {
			return nil, s.unknown(name, w)
		}
		if !dotted || !strings.HasPrefix(name, api.SupervisorPrefix) {
			full = api.SupervisorPrefix + rest
		}
	}
	m, ok := api.Lookup(full)
	if !ok || (w == overXMLRPC && !m.XMLRPC) {
		return nil, s.unknown(name, w)
	}
	return m, nil
}

func (s *Server) unknown(name string, w wire) *api.Fault {
	f := &api.Fault{Code: api.UnknownMethod, Hint: "system.listMethods lists what can be called"}
	if near := api.NearestMethod(name, s.names(w)); near != "" {
		f.Hint = "did you mean " + near + "?"
	}
	if w == overLines {
		f.Detail = api.Shorten(name)
	}
	return f
}

// call performs one call that is no stream; name is what the client wrote, and
// g makes room for what it returns. A panic of the service is its fault alone:
// the supervisor goes on.
func (s *Server) call(ctx context.Context, w wire, name string, m *api.Method, args []any, g *grant) (result any, fault *api.Fault) {
	s.counts.called(w)
	s.traceCall(w, name)
	defer func() {
		if r := recover(); r != nil {
			fault = s.panicked(w, name, r)
		}
		s.traceResult(w, name, fault)
	}()
	if m.Build == nil {
		if f := s.barred(ctx); f != nil {
			return nil, f
		}
		return s.system(ctx, w, m, args, g)
	}
	request := m.Build(args)
	if f := g.reserve(ctx, readSize(request)); f != nil {
		return nil, f
	}
	result, err := s.svc.Do(ctx, request)
	switch {
	case g.many: // it keeps what it is given
	case g.held > 0:
		g.shrink(weight(result))
	case err == nil:
		if f := g.reserve(ctx, weight(result)); f != nil {
			return nil, f
		}
	}
	return result, api.AsFault(err)
}

// callAtOnce is call for what the service can answer without waiting, on a
// connection with the purse local; with ok false nothing has been done. A long
// result holds room for itself, which has to be there.
func (s *Server) callAtOnce(ctx context.Context, w wire, name string, m *api.Method, args []any, local *purse) (result any, g *grant, ok bool, fault *api.Fault) {
	peeker, can := s.svc.(api.Peeker)
	if !can || m.Build == nil || m.Slow || m.Stream {
		return nil, nil, false, nil
	}
	defer func() {
		if r := recover(); r != nil {
			ok, fault = true, s.panicked(w, name, r)
		}
		if ok {
			s.counts.called(w)
			s.traceCall(w, name)
			s.traceResult(w, name, fault)
		}
	}()
	result, ok, err := peeker.Peek(ctx, m.Build(args))
	if n := weight(result); ok && err == nil && n > smallReply {
		g = s.newGrant(local)
		ok = g.reserveAtOnce(n)
	}
	return result, g, ok, api.AsFault(err)
}

func (s *Server) panicked(w wire, name string, r any) *api.Fault {
	s.log(conf.Critical, fmt.Sprintf("Handling %s method %s() raised an unexpected exception: %v\n%s", w, name, r, debug.Stack()))
	return api.NewFault(api.Failed, "internal error")
}

// traceCall and traceResult write the lines about a call, unless they would be
// thrown away.
func (s *Server) traceCall(w wire, name string) {
	if s.o.Level <= conf.Trace {
		s.log(conf.Trace, fmt.Sprintf("%s method called: %s()", w, name))
	}
}

func (s *Server) traceResult(w wire, name string, fault *api.Fault) {
	switch {
	case s.o.Level > conf.Trace:
	case fault != nil:
		s.log(conf.Trace, fmt.Sprintf("%s method %s() returned fault: [%d] %s", w, name, fault.Code, fault.Text()))
	default:
		s.log(conf.Trace, fmt.Sprintf("%s method %s() returned successfully", w, name))
	}
}

// system answers the methods of the connection itself.
func (s *Server) system(ctx context.Context, w wire, m *api.Method, args []any, g *grant) (any, *api.Fault) {
	switch m.Name {
	case "system.listMethods":
		return s.names(w), nil
	case "system.methodHelp", "system.methodSignature":
		name, _ := args[0].(string)
		about, f := s.lookup(name, w)
		if f != nil {
			return nil, &api.Fault{Code: api.SignatureUnsupported, Hint: f.Hint}
		}
		if m.Name == "system.methodHelp" {
			return about.Help(), nil
		}
		return about.Signature(), nil
	case "system.multicall":
		calls, _ := args[0].([]any)
		return s.multicall(ctx, w, calls, g), nil
	}
	return nil, api.NewFault(api.UnknownMethod, "")
}

// faultStruct is a fault among the results of a multicall.
type faultStruct struct {
	Code int    `json:"faultCode"`
	Text string `json:"faultString"`
}

// multicall performs calls one after another. The results stand bare, not each
// in an array of one, as the original has it. When they are too long together,
// what is left is not performed.
func (s *Server) multicall(ctx context.Context, w wire, calls []any, g *grant) []any {
	g.many = true
	defer func() { g.shrink(g.used) }()
	results := make([]any, 0, len(calls))
	for _, c := range calls {
		var result any
		f := g.room()
		if f == nil {
			result, f = s.oneOfMany(ctx, w, c, g)
		}
		if f == nil {
			f = g.keep(ctx, weight(result))
		}
		if f != nil {
			result = faultStruct{int(f.Code), f.Text()}
		}
		results = append(results, result)
	}
	return results
}

func (s *Server) oneOfMany(ctx context.Context, w wire, c any, g *grant) (any, *api.Fault) {
	members, _ := c.(map[string]any)
	name, isText := members["methodName"].(string)
	switch {
	case !isText:
		return nil, api.NewFault(api.IncorrectParameters, "No methodName")
	case name == "system.multicall":
		return nil, api.NewFault(api.IncorrectParameters, "Recursive system.multicall forbidden")
	}
	m, f := s.lookup(name, w)
	if f != nil {
		return nil, f
	}
	if m.Stream || m.Name == "system.login" || m.Name == "system.cancel" {
		return nil, api.NewFault(api.IncorrectParameters, name+" cannot be part of a multicall")
	}
	args, f := multicallArgs(m, members["params"])
	if f != nil {
		return nil, f
	}
	return s.call(ctx, w, name, m, args, g)
}

// multicallArgs takes parameters by position, or by name from a JSON client.
func multicallArgs(m *api.Method, params any) ([]any, *api.Fault) {
	switch p := params.(type) {
	case nil:
		return m.Args(nil)
	case []any:
		return m.Args(p)
	case map[string]any:
		raw, err := json.Marshal(p)
		if err == nil {
			return m.ArgsJSON(raw)
		}
	}
	return nil, api.NewFault(api.IncorrectParameters, "params must be an array")
}

// xmlForm gives a reply the shape that XML-RPC clients expect where that is
// not the shape of its type.
func xmlForm(v any) any {
	switch x := v.(type) {
	case api.TailChunk:
		return []any{x.Data, x.Offset, x.Overflow}
	case api.Reread:
		return [][][]string{{x.Added, x.Changed, x.Removed}}
	case []any:
		for i := range x {
			x[i] = xmlForm(x[i])
		}
	}
	return v
}

// jsonForm makes lists that are empty lists of what would be null.
func jsonForm(v any) any {
	switch x := v.(type) {
	case api.Reread:
		return api.Reread{Added: orEmpty(x.Added), Changed: orEmpty(x.Changed), Removed: orEmpty(x.Removed)}
	case []api.ProcessInfo:
		return orEmpty(x)
	case []api.Status:
		return orEmpty(x)
	case []api.ConfigInfo:
		return orEmpty(x)
	case []any:
		for i := range x {
			x[i] = jsonForm(x[i])
		}
	}
	return v
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
