package conf

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Block is what is in effect for one section, or for one process of it.
type Block struct {
	Section  string    `json:"section"`
	Group    string    `json:"group,omitempty"`   // of programs
	Process  string    `json:"process,omitempty"` // group:name; "" for what the group as a whole has
	Settings []Setting `json:"settings"`          // filled in when it is written: they may be many

	list func() []Setting
}

// Setting is one value in effect. Of environment there is one for each variable.
type Setting struct {
	Key   string   `json:"key"`
	Value string   `json:"value"` // as it could stand in a file; secrets are ***
	From  []Origin `json:"from"`  // what set it, then what was put into it
}

// OriginKind says what kind of place a value comes from.
type OriginKind string

// The kinds of Origin.
const (
	FromDefault     OriginKind = "default"
	FromFile        OriginKind = "file"
	FromEnvironment OriginKind = "environment"
	FromOption      OriginKind = "option"
)

// Origin is where a value, or a part of it, comes from.
type Origin struct {
	Kind    OriginKind `json:"kind"`
	File    string     `json:"file,omitempty"`
	Line    int        `json:"line,omitempty"`
	Section string     `json:"section,omitempty"` // where it is not the section itself
	Name    string     `json:"name,omitempty"`    // the variable that was put in, or the option
}

func (o Origin) String() string {
	words := ""
	switch o.Kind {
	case FromDefault:
		return "default"
	case FromOption:
		return "command line, " + o.Name
	case FromEnvironment:
		return o.Name + " from the environment"
	case FromFile:
		if words = o.File; o.Line > 0 {
			words = fmt.Sprintf("%s:%d", o.File, o.Line)
		}
		if o.Section != "" {
			words += " in [" + o.Section + "]"
		}
		if o.Name != "" {
			words = o.Name + " from " + words
		}
	}
	return words
}

// Explain lists what is in effect: the daemon, its servers and interfaces, then
// every group with its processes, then the hooks. options names the options of the command line
// that have been laid over a key of [supervisord].
func (r *Reading) Explain(options map[string]string) []Block {
	e := &explainer{loader: r.l, secrets: newSecrets(r.l), options: options, texts: make(map[*option]*environmentText)}
	blocks := []Block{{Section: "supervisord", list: e.server}}
	for _, srv := range r.Config.HTTP {
		blocks = append(blocks, Block{Section: srv.Section, list: func() []Setting { return e.httpServer(srv) }})
	}
	for _, role := range r.Config.Roles {
		blocks = append(blocks, Block{Section: "role:" + role.Name, list: func() []Setting { return e.role(&role) }})
	}
	if r.Config.Metrics.Textfile != "" {
		blocks = append(blocks, Block{Section: "metrics", list: e.metrics})
	}
	for _, rpc := range r.Config.RPCInterfaces {
		section := "rpcinterface:" + rpc.Name
		blocks = append(blocks, Block{Section: section, list: func() []Setting { return e.rpcInterface(section, rpc) }})
	}
	for _, g := range r.Config.Groups {
		// The group of a single program has nothing that the program has not.
		if g.Kind == KindGroup || g.Kind == KindListener {
			blocks = append(blocks, Block{Section: g.Section, Group: g.Name, list: func() []Setting { return e.group(g) }})
		}
		for _, p := range g.Programs {
			blocks = append(blocks, Block{Section: p.Section, Group: p.Group, Process: p.Group + ":" + p.Name, list: func() []Setting { return e.program(p) }})
		}
	}
	for _, h := range r.Config.Hooks {
		blocks = append(blocks, Block{Section: h.Child.Section, list: func() []Setting { return e.hook(h) }})
	}
	return blocks
}

// SelectBlocks keeps the blocks of a name: a section, a group, a process or
// group:process, where * stands for every process.
func SelectBlocks(blocks []Block, name string) []Block {
	if name == "" {
		return nil
	}
	var list []Block
	for _, b := range blocks {
		_, process, _ := strings.Cut(b.Process, ":")
		if b.Section == name || b.Group != "" && slices.Contains([]string{b.Group, b.Process, b.Group + ":*", process}, strings.TrimSuffix(name, ":")) {
			list = append(list, b)
		}
	}
	return list
}

// WriteBlocksJSON writes blocks as an array of objects.
func WriteBlocksJSON(w io.Writer, blocks []Block) error {
	out := bufio.NewWriter(w)
	before := "[\n  "
	for _, block := range blocks {
		block.Settings = block.list()
		out.WriteString(before)
		out.Write(bytes.TrimSpace(indented(block, "  ")))
		before = ",\n  "
	}
	if len(blocks) == 0 {
		out.WriteString("[]\n")
	} else {
		out.WriteString("\n]\n")
	}
	return out.Flush()
}

// originColumn is where the origins stand, when the values leave room.
const originColumn = 48

// WriteBlocks writes blocks for people, in the form of a configuration file with
// the origin of each value behind it.
func WriteBlocks(w io.Writer, blocks []Block) error {
	out := bufio.NewWriter(w) // keeps the first error until Flush
	for i, block := range blocks {
		if i > 0 {
			out.WriteByte('\n')
		}
		header := "[" + block.Section + "]"
		if block.Process != "" {
			header = fmt.Sprintf("%-*s ; process %s", originColumn, header, block.Process)
		}
		out.WriteString(header + "\n")
		for _, s := range block.list() {
			from := make([]string, len(s.From))
			for i, o := range s.From {
				from[i] = o.String()
			}
			line := s.Key + " = " + strings.ReplaceAll(s.Value, "\n", "\n    ")
			fmt.Fprintf(out, "%-*s ; %s\n", originColumn, line, strings.Join(from, ", "))
		}
	}
	return out.Flush()
}

// serverTexts shows the plain keys of [supervisord].
var serverTexts = []struct {
	key  string
	text func(*Server) string
}{
	{"logfile", func(v *Server) string { return v.Logfile }},
	{"logfile_maxbytes", func(v *Server) string { return byteSize(v.LogfileMaxBytes) }},
	{"logfile_backups", func(v *Server) string { return strconv.Itoa(v.LogfileBackups) }},
	{"loglevel", func(v *Server) string { return v.Loglevel.String() }},
	{"pidfile", func(v *Server) string { return v.Pidfile }},
	{"require_pidfile", func(v *Server) string { return strconv.FormatBool(v.RequirePidfile) }},
	{"nodaemon", func(v *Server) string { return strconv.FormatBool(v.Nodaemon) }},
	{"silent", func(v *Server) string { return strconv.FormatBool(v.Silent) }},
	{"minfds", func(v *Server) string { return strconv.Itoa(v.MinFDs) }},
	{"minprocs", func(v *Server) string { return strconv.Itoa(v.MinProcs) }},
	{"umask", func(v *Server) string { return octal(v.Umask) }},
	{"user", func(v *Server) string { return accountText(v.User) }},
	{"user_mismatch", func(v *Server) string { return string(v.UserMismatch) }},
	{"supplementary_from", func(v *Server) string { return string(v.SupplementaryFrom) }},
	{"identifier", func(v *Server) string { return v.Identifier }},
	{"directory", func(v *Server) string { return v.Directory }},
	{"nocleanup", func(v *Server) string { return strconv.FormatBool(v.NoCleanup) }},
	{"childlogdir", func(v *Server) string { return v.ChildLogDir }},
	{"strip_ansi", func(v *Server) string { return strconv.FormatBool(v.StripANSI) }},
	{"exit_status", func(v *Server) string { return string(v.ExitStatus) }},
	{"signal_map", signalMapText},
	{"shutdown_timeout", func(v *Server) string { return strconv.Itoa(v.ShutdownTimeout) }},
	{"fatal_tail_lines", tailLinesText},
	{"update_mode", func(v *Server) string { return string(v.UpdateMode) }},
	{"strict", func(v *Server) string { return strconv.FormatBool(v.Strict) }},
}

// tailLinesText shows nothing for a number that depends on who we are.
func tailLinesText(v *Server) string {
	if v.FatalTailLines < 0 {
		return ""
	}
	return strconv.Itoa(v.FatalTailLines)
}

func (e *explainer) server() []Setting {
	const name = "supervisord"
	v := &e.cfg.Server
	var list []Setting
	for _, t := range serverTexts {
		s := e.setting(name, t.key, t.text(v))
		if option, over := e.options[t.key]; over {
			s.From = []Origin{{Kind: FromOption, Name: option}}
		}
		list = append(list, s)
	}
	list = append(list, e.variables(name, "env_default", v.EnvDefault, nil)...)
	return append(list, e.variables(name, "environment", v.Environment, nil)...)
}

func (e *explainer) httpServer(srv HTTPServer) []Setting {
	var list []Setting
	add := func(key, value string) { list = append(list, e.setting(srv.Section, key, value)) }
	if srv.Family == Inet {
		add("port", fmt.Sprintf("%s:%d", srv.Host, srv.Port))
	} else {
		add("file", srv.File)
		add("chmod", octal(int(srv.Mode)))
		owner := ""
		if srv.OwnerUID >= 0 {
			owner = ownerText(&[2]int{srv.OwnerUID, srv.OwnerGID})
		}
		add("chown", owner)
	}
	if srv.Family == Inet {
		add("allow_unauthenticated", strconv.FormatBool(srv.AllowUnauthenticated))
	}
	add("health_without_auth", strconv.FormatBool(srv.HealthWithoutAuth))
	for _, o := range []struct {
		key   string
		value *string
	}{{"username", srv.Username}, {"password", srv.Password}} {
		if o.value != nil {
			add(o.key, *o.value)
		}
	}
	return list
}

func (e *explainer) rpcInterface(section string, rpc RPCInterface) []Setting {
	list := []Setting{e.setting(section, rpcFactoryKey, rpc.Factory)}
	for _, key := range e.doc.keysOf(section) {
		if value, set := rpc.Settings[key]; set {
			list = append(list, e.setting(section, key, value))
		}
	}
	return list
}

// group shows what a group has beyond its processes.
func (e *explainer) group(g *Group) []Setting {
	var list []Setting
	add := func(key, value string) { list = append(list, e.setting(g.Section, key, value)) }
	if g.Pool == nil {
		add("programs", strings.Join(members(g), ","))
	} else {
		add("events", strings.Join(g.Pool.Events, ","))
		add("buffer_size", strconv.Itoa(g.Pool.BufferSize))
		add("len_unit", string(g.Pool.LenUnit))
		add("buffer_policy", string(g.Pool.Policy))
		add("result_handler", g.Pool.ResultHandler)
	}
	add("priority", strconv.Itoa(g.Priority))
	return list
}

// members lists the names of a group's programs, in their order.
func members(g *Group) []string {
	var names []string
	for _, p := range g.Programs {
		_, name, _ := strings.Cut(p.Section, ":")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (e *explainer) program(p *Program) []Setting {
	e.process = p
	defer func() { e.process = nil }()
	var list []Setting
	add := func(key, value string) { list = append(list, e.setting(p.Section, key, value)) }
	for _, t := range programTexts {
		if t.key != "section" && t.key != "group" {
			add(t.key, t.text(p))
		}
	}
	add("user", accountText(p.User))
	for _, t := range identityTexts {
		add(t.key, t.text(p))
	}
	for _, c := range []struct {
		name string
		out  Output
	}{{"stdout", p.Stdout}, {"stderr", p.Stderr}} {
		add(c.name+"_logfile", logfileText(c.out))
		add(c.name+"_logfile_maxbytes", byteSize(c.out.MaxBytes))
		add(c.name+"_logfile_backups", strconv.Itoa(c.out.Backups))
		add(c.name+"_capture_maxbytes", byteSize(c.out.CaptureMaxBytes))
		add(c.name+"_events_enabled", strconv.FormatBool(c.out.Events))
		add(c.name+"_syslog", strconv.FormatBool(c.out.Syslog))
	}
	if k := p.Socket; k != nil {
		add("socket", k.URL)
		add("socket_backlog", positive(k.Backlog))
		if k.Family == Unix {
			add("socket_mode", octal(int(k.Mode)))
			add("socket_owner", ownerText(k.Owner))
		}
	}
	list = append(list, e.limits(p)...)
	list = append(list, e.sources(p)...)
	return append(list, e.variables(p.Section, "environment", p.Environment, e.cfg.Server.Environment)...)
}
