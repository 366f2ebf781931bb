package conf

import (
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
	Settings []Setting `json:"settings"`
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
		words = fmt.Sprintf("%s:%d", o.File, o.Line)
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
// every group with its processes. options names the options of the command line
// that have been laid over a key of [supervisord].
func (r *Reading) Explain(options map[string]string) []Block {
	e := &explainer{loader: r.l, secrets: newSecrets(r.l), options: options}
	blocks := []Block{e.server()}
	for _, srv := range r.Config.HTTP {
		blocks = append(blocks, e.httpServer(srv))
	}
	for _, rpc := range r.Config.RPCInterfaces {
		blocks = append(blocks, e.rpcInterface(rpc))
	}
	for _, g := range r.Config.Groups {
		if b := e.group(g); b.Settings != nil {
			blocks = append(blocks, b)
		}
		for _, p := range g.Programs {
			blocks = append(blocks, e.program(p))
		}
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

// BlocksJSON writes blocks as an array of objects.
func BlocksJSON(blocks []Block) []byte {
	if blocks == nil {
		blocks = []Block{}
	}
	return indented(blocks)
}

// originColumn is where the origins stand, when the values leave room.
const originColumn = 48

// WriteBlocks writes blocks for people, in the form of a configuration file with
// the origin of each value behind it.
func WriteBlocks(w io.Writer, blocks []Block) error {
	var b strings.Builder
	for i, block := range blocks {
		if i > 0 {
			b.WriteByte('\n')
		}
		header := "[" + block.Section + "]"
		if block.Process != "" {
			header = fmt.Sprintf("%-*s ; process %s", originColumn, header, block.Process)
		}
		b.WriteString(header + "\n")
		for _, s := range block.Settings {
			from := make([]string, len(s.From))
			for i, o := range s.From {
				from[i] = o.String()
			}
			line := s.Key + " = " + strings.ReplaceAll(s.Value, "\n", "\n    ")
			fmt.Fprintf(&b, "%-*s ; %s\n", originColumn, line, strings.Join(from, ", "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
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
	{"nodaemon", func(v *Server) string { return strconv.FormatBool(v.Nodaemon) }},
	{"silent", func(v *Server) string { return strconv.FormatBool(v.Silent) }},
	{"minfds", func(v *Server) string { return strconv.Itoa(v.MinFDs) }},
	{"minprocs", func(v *Server) string { return strconv.Itoa(v.MinProcs) }},
	{"umask", func(v *Server) string { return octal(v.Umask) }},
	{"user", func(v *Server) string { return accountText(v.User) }},
	{"identifier", func(v *Server) string { return v.Identifier }},
	{"directory", func(v *Server) string { return v.Directory }},
	{"nocleanup", func(v *Server) string { return strconv.FormatBool(v.NoCleanup) }},
	{"childlogdir", func(v *Server) string { return v.ChildLogDir }},
	{"strip_ansi", func(v *Server) string { return strconv.FormatBool(v.StripANSI) }},
	{"update_mode", func(v *Server) string { return string(v.UpdateMode) }},
	{"strict", func(v *Server) string { return strconv.FormatBool(v.Strict) }},
}

func (e *explainer) server() Block {
	const name = "supervisord"
	v := &e.cfg.Server
	b := Block{Section: name}
	for _, t := range serverTexts {
		s := e.setting(name, t.key, t.text(v))
		if option, over := e.options[t.key]; over {
			s.From = []Origin{{Kind: FromOption, Name: option}}
		}
		b.Settings = append(b.Settings, s)
	}
	b.Settings = append(b.Settings, e.variables(name, "env_default", v.EnvDefault, nil)...)
	b.Settings = append(b.Settings, e.variables(name, "environment", v.Environment, nil)...)
	return b
}

func (e *explainer) httpServer(srv HTTPServer) Block {
	b := Block{Section: srv.Section}
	add := func(key, value string) { b.Settings = append(b.Settings, e.setting(srv.Section, key, value)) }
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
	for _, o := range []struct {
		key   string
		value *string
	}{{"username", srv.Username}, {"password", srv.Password}} {
		if o.value != nil {
			add(o.key, *o.value)
		}
	}
	return b
}

func (e *explainer) rpcInterface(rpc RPCInterface) Block {
	section := "rpcinterface:" + rpc.Name
	b := Block{Section: section, Settings: []Setting{e.setting(section, rpcFactoryKey, rpc.Factory)}}
	for _, key := range e.doc.keysOf(section) {
		if value, set := rpc.Settings[key]; set {
			b.Settings = append(b.Settings, e.setting(section, key, value))
		}
	}
	return b
}

// group shows what a group has beyond its processes; nothing when it is the group
// of a single program.
func (e *explainer) group(g *Group) Block {
	b := Block{Section: g.Section, Group: g.Name}
	add := func(key, value string) { b.Settings = append(b.Settings, e.setting(g.Section, key, value)) }
	switch g.Kind {
	case KindGroup:
		add("programs", strings.Join(members(g), ","))
		add("priority", strconv.Itoa(g.Priority))
	case KindListener:
		add("events", strings.Join(g.Pool.Events, ","))
		add("buffer_size", strconv.Itoa(g.Pool.BufferSize))
		add("result_handler", g.Pool.ResultHandler)
		add("priority", strconv.Itoa(g.Priority))
	}
	return b
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

func (e *explainer) program(p *Program) Block {
	b := Block{Section: p.Section, Group: p.Group, Process: p.Group + ":" + p.Name}
	e.process = p
	defer func() { e.process = nil }()
	add := func(key, value string) { b.Settings = append(b.Settings, e.setting(p.Section, key, value)) }
	for _, t := range programTexts {
		if t.key != "section" && t.key != "group" {
			add(t.key, t.text(p))
		}
	}
	add("user", accountText(p.User))
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
	b.Settings = append(b.Settings, e.variables(p.Section, "environment", p.Environment, e.cfg.Server.Environment)...)
	return b
}
