package daemon

import (
	"maps"
	"strings"

	"gosupervisor/conf"
)

// fromFiles reads what files set for a child. It runs at each start, while
// kids wait for it or fork: a file may lie on a disk that is slow, and may have changed.
func (h *host) fromFiles(p *conf.Program) (map[string]string, error) {
	vars, err := p.Env.Read(h.baseEnv)
	if err != nil || len(vars) == 0 {
		return nil, err
	}
	files := make(map[string]string, len(vars))
	for _, v := range vars {
		files[v.Name] = v.Value
	}
	return files, nil
}

// searched returns the variables that are configured, for looking a command up.
func searched(p *conf.Program, files map[string]string) map[string]string {
	if files == nil {
		return p.Environment
	}
	all := maps.Clone(files)
	maps.Copy(all, p.Environment)
	return all
}

// environment makes the environment of a program's child.
func (h *host) environment(p *conf.Program, files map[string]string) []string {
	return h.layered(p, files, h.told(p), nil)
}

// told is what a program's child is told of itself and of us.
func (h *host) told(p *conf.Program) map[string]string {
	set := map[string]string{
		"SUPERVISOR_ENABLED":      "1",
		"SUPERVISOR_PROCESS_NAME": p.Name,
		"SUPERVISOR_GROUP_NAME":   p.Group,
	}
	if url := p.ServerURL; url != "" {
		set["SUPERVISOR_SERVER_URL"] = url
	} else if h.cfg.Server.ServerURL != "" {
		set["SUPERVISOR_SERVER_URL"] = h.cfg.Server.ServerURL
	}
	return set
}

// layered makes an environment: ours, but for what is left out; who the user is, if
// that is wanted; what files set; what we have to tell; what the configuration sets; each over the one before. A file that
// was written of another child's environment must not tell this one who it is, so we
// stand over files.
func (h *host) layered(p *conf.Program, files, told map[string]string, leftOut func(name string) bool) []string {
	all := make(map[string]string, len(files)+len(told)+len(p.Environment))
	for _, layer := range []map[string]string{p.Login.Environment(), files, told, p.Environment} {
		maps.Copy(all, layer)
	}
	env := make([]string, 0, len(h.baseEnv)+len(all))
	for _, kv := range h.baseEnv {
		name, _, _ := strings.Cut(kv, "=")
		if _, over := all[name]; !over && p.Env.Inherits(name) && !p.Env.Unsets(name) && (leftOut == nil || !leftOut(name)) {
			env = append(env, kv)
		}
	}
	for name, value := range all {
		if !p.Env.Unsets(name) {
			env = append(env, name+"="+value)
		}
	}
	return env
}
