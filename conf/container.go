package conf

import (
	"fmt"
	"strings"
)

// The container profile: what a configuration that was written for a host needs to
// behave in a container, for every key that it does not set itself. supervisord
// --container asks for it.

// containerSection holds the profile as the weakest of all defaults. Its name is
// none that a file can have, so that it is shown as what it is.
const containerSection = "--container"

// containerKeys is the profile of programs.
var containerKeys = []struct{ key, value, means string }{
	{"stdout_logfile", "/dev/stdout", ""},
	{"stderr_logfile", "/dev/stderr", ""},
	{"log_format", "prefix", "programs log to its output, each line behind their name"},
	{"on_fatal", "shutdown", "a program that is FATAL ends it"},
	{"kill_scope", "tree", "what a program leaves behind is killed"},
}

// addContainer adds the profile behind whatever the files say.
func (d *document) addContainer() error {
	var text strings.Builder
	text.WriteString("[" + containerSection + "]\n")
	for _, k := range containerKeys {
		fmt.Fprintf(&text, "%s=%s\n", k.key, k.value)
	}
	if e := d.add(&source{name: containerSection}, []byte(text.String())); e != nil {
		return e
	}
	d.container = true
	return nil
}

// inContainer tells whether the profile supplies a key to a section. What is said
// in other words counts too: a stop of the group, output that goes elsewhere.
func (d *document) inContainer(section, key string) bool {
	sec := d.sections[section]
	if !d.container || d.original || sec == nil || !sec.kind.runs() || sec.kind.word == "eventlistener" {
		return false
	}
	switch key {
	case "kill_scope":
		return !d.sets(section, "stopasgroup") && !d.sets(section, "killasgroup")
	case "stderr_logfile":
		value, _, _, _ := d.lookup(section, "redirect_stderr")
		redirected, err := ParseBool(value)
		return err != nil || !redirected
	}
	return true
}

func (d *document) sets(section, key string) bool {
	opt, _ := d.find(section, key)
	return opt != nil
}

// containerServer is the profile of the daemon itself.
func (v *Server) containerServer(pidfileSet bool) {
	v.Nodaemon = true
	if !v.LogfileSet {
		v.Logfile = "/dev/null"
	}
	if !pidfileSet {
		v.Pidfile = ""
	}
}

// ContainerNote says what the profile decided, in one line.
func ContainerNote(v *Server) string {
	words := []string{"--container: supervisord stays in the foreground and logs there"}
	if v.UserMismatch == MismatchWarns {
		words = append(words, "it runs also as a user who may not become user=")
	}
	if v.Pidfile == "" {
		words = append(words, "there is no pidfile")
	}
	for _, k := range containerKeys {
		if k.means != "" {
			words = append(words, k.means)
		}
	}
	return strings.Join(words, "; ") + "; what the configuration sets stays as it is"
}
