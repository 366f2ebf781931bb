package conf

import "strings"

// The canonical form of a configuration, in which answers of different programs
// can be compared.

type object = map[string]any

func canonical(c *Config) object {
	servers, rpcs, groups, warnings := []any{}, []any{}, []any{}, []any{}
	for _, s := range c.HTTP {
		servers = append(servers, canonicalHTTP(s))
	}
	for _, r := range c.RPCInterfaces {
		rpcs = append(rpcs, object{"name": r.Name, "factory": r.Factory, "settings": r.Settings})
	}
	for _, g := range c.Groups {
		groups = append(groups, canonicalGroup(g))
	}
	for _, n := range c.Notes {
		// Warnings of our own have no counterpart.
		if n.Level == Warn && (strings.HasPrefix(n.Text, "No file matches via include ") ||
			strings.HasPrefix(n.Text, "For [") && strings.Contains(n.Text, "_logfile")) {
			warnings = append(warnings, n.Text)
		}
	}
	return object{
		"supervisord": canonicalServer(&c.Server), "http_servers": servers,
		"rpcinterfaces": rpcs, "groups": groups, "warnings": warnings,
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func canonicalServer(s *Server) object {
	o := object{
		"minfds": s.MinFDs, "minprocs": s.MinProcs, "directory": orNull(s.Directory),
		"user": nil, "uid": nil, "gid": nil, "umask": s.Umask, "logfile": s.Logfile,
		"logfile_maxbytes": s.LogfileMaxBytes, "logfile_backups": s.LogfileBackups,
		"loglevel": s.Loglevel.String(), "pidfile": s.Pidfile, "identifier": s.Identifier,
		"childlogdir": s.ChildLogDir, "nodaemon": s.Nodaemon, "silent": s.Silent,
		"nocleanup": s.NoCleanup, "strip_ansi": s.StripANSI, "environment": s.Environment,
		"serverurl": orNull(s.ServerURL),
	}
	if s.User != nil {
		o["user"], o["uid"], o["gid"] = s.User.Name, s.User.UID, s.User.GID
	}
	return o
}

func canonicalHTTP(s HTTPServer) object {
	o := object{
		"section": s.Section, "name": nil, "username": s.Username, "password": s.Password,
		"family": s.Family,
	}
	if _, name, ok := strings.Cut(s.Section, ":"); ok {
		o["name"] = name
	}
	if s.Family == Inet {
		o["host"], o["port"] = s.Host, s.Port
	} else {
		o["file"], o["chmod"], o["chown"] = s.File, s.Mode, []int{s.OwnerUID, s.OwnerGID}
	}
	return o
}

func canonicalGroup(g *Group) object {
	processes := []any{}
	for _, p := range g.Programs {
		processes = append(processes, canonicalProcess(p))
	}
	o := object{"name": g.Name, "priority": g.Priority, "type": g.Kind, "processes": processes}
	if g.Pool != nil {
		o["buffer_size"], o["events"], o["result_handler"] = g.Pool.BufferSize, g.Pool.Events, g.Pool.ResultHandler
	}
	if g.Kind == KindFCGI && len(g.Programs) > 0 {
		s := g.Programs[0].Socket
		socket := object{"url": s.URL, "family": s.Family, "backlog": nil}
		if s.Backlog != 0 {
			socket["backlog"] = s.Backlog
		}
		if s.Family == Unix {
			socket["path"], socket["mode"], socket["owner"] = s.Path, s.Mode, s.Owner
		} else {
			socket["host"], socket["port"] = s.Host, s.Port
		}
		o["socket"] = socket
	}
	return o
}

func canonicalProcess(p *Program) object {
	o := object{
		"name": p.Name, "command": p.Command, "directory": orNull(p.Directory), "umask": nil,
		"priority": p.Priority, "startsecs": p.StartSecs, "startretries": p.StartRetries,
		"stopwaitsecs": p.StopWaitSecs, "autostart": p.Autostart, "redirect_stderr": p.RedirectStderr,
		"stopasgroup": p.StopAsGroup, "killasgroup": p.KillAsGroup, "autorestart": p.Autorestart,
		"exitcodes": p.ExitCodes, "stopsignal": SignalName(p.StopSignal), "uid": nil,
		"environment": p.Environment, "serverurl": orNull(p.ServerURL),
	}
	if p.Umask >= 0 {
		o["umask"] = p.Umask
	}
	if p.User != nil {
		o["uid"] = p.User.UID
	}
	if p.NoServerURL {
		o["serverurl"] = ""
	}
	canonicalOutput(o, "stdout", p.Stdout)
	canonicalOutput(o, "stderr", p.Stderr)
	return o
}

func canonicalOutput(o object, channel string, out Output) {
	o[channel+"_logfile"] = orNull(out.Logfile)
	if out.Auto {
		o[channel+"_logfile"] = "AUTO"
	}
	o[channel+"_logfile_maxbytes"] = out.MaxBytes
	o[channel+"_logfile_backups"] = out.Backups
	o[channel+"_capture_maxbytes"] = out.CaptureMaxBytes
	o[channel+"_events_enabled"] = out.Events
	o[channel+"_syslog"] = out.Syslog
}

// normalize brings an expected answer to what our types can tell apart: an empty
// path is no file, and the kernel looks at nine bits of a umask.
func normalize(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			normalize(e)
		}
	case map[string]any:
		for k, e := range v {
			switch {
			case (k == "stdout_logfile" || k == "stderr_logfile" || k == "directory") && e == "":
				v[k] = nil
			case k == "umask" && e != nil:
				v[k] = float64(int(e.(float64)) & 0o777)
			default:
				normalize(e)
			}
		}
	}
}
