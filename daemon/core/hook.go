package core

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// hook is a [hook:x] in effect: the events that wait for its command.
type hook struct {
	conf     *conf.Hook
	types    map[string]bool
	queue    []*happening
	running  int
	lost     int // dropped since there was last room
	lostAll  int // dropped at all
	accepted uint64
}

// happening is an event as hooks get it: its payload taken apart. What it does not have
// is nil or "".
type happening struct {
	Event    string  `json:"event"`
	Time     string  `json:"time"`
	Server   string  `json:"server"`
	Process  string  `json:"process,omitempty"`
	Group    string  `json:"group,omitempty"`
	From     string  `json:"from_state,omitempty"`
	PID      *int64  `json:"pid,omitempty"`
	Tries    *int64  `json:"tries,omitempty"`
	Expected *bool   `json:"expected,omitempty"`
	Channel  string  `json:"channel,omitempty"`
	When     *int64  `json:"when,omitempty"`
	Type     *string `json:"type,omitempty"`
	Data     *string `json:"data,omitempty"`

	environ map[string]string
}

// longestVariable bounds a value in the environment of a hook.
const longestVariable = 4096

// happened takes a payload apart. Names of processes and groups have no blanks and
// no colons.
func (c *Core) happened(name, payload string) *happening {
	h := &happening{Event: name, Time: c.wall.UTC().Format("2006-01-02T15:04:05.000Z"), Server: c.ident, environ: map[string]string{}}
	h.set("", name)
	header, data, more := strings.Cut(payload, "\n")
	if kind, ok := strings.CutPrefix(header, "type:"); ok && name == "REMOTE_COMMUNICATION" {
		h.Type = &kind
		h.set("TYPE", kind)
	} else {
		for word := range strings.FieldsSeq(header) {
			key, value, _ := strings.Cut(word, ":")
			h.word(key, value)
		}
	}
	if more && data != "" || h.Type != nil {
		h.Data = &data
	}
	return h
}

// word takes one word of a payload's first line.
func (h *happening) word(key, value string) {
	number := func() *int64 {
		n, _ := strconv.ParseInt(value, 10, 64)
		return &n
	}
	switch key {
	case "processname":
		h.Process = value
		h.environ["SUPERVISOR_PROCESS_NAME"] = value
		return
	case "groupname":
		h.Group = value
		h.environ["SUPERVISOR_GROUP_NAME"] = value
		return
	case "from_state":
		h.From = value
	case "pid":
		h.PID = number()
	case "tries":
		h.Tries = number()
	case "expected":
		yes := value == "1"
		h.Expected = &yes
	case "channel":
		h.Channel = value
	case "when":
		h.When = number()
	}
	h.set(strings.ToUpper(key), value)
}

// set puts a value into the environment, if it fits there.
func (h *happening) set(key, value string) {
	if len(value) <= longestVariable && !strings.Contains(value, "\x00") {
		h.environ[strings.TrimSuffix("SUPERVISOR_EVENT_"+key, "_")] = value
	}
}

// subject words what the event is about.
func (h *happening) subject() string {
	switch {
	case h.Process != "":
		return h.Event + " of " + api.Namespec(h.Group, h.Process)
	case h.Group != "":
		return h.Event + " of group " + h.Group
	}
	return h.Event
}

// covers tells whether a subscription includes an event, by its name or by that
// of a kind that it is of.
func covers(types map[string]bool, name string) bool {
	for {
		if types[name] {
			return true
		}
		// PROCESS_STATE_RUNNING is a PROCESS_STATE; the words before that
		// are no kinds, and nobody can subscribe to them.
		cut := strings.LastIndexByte(name, '_')
		if cut < 0 {
			return types["EVENT"]
		}
		name = name[:cut]
	}
}

// newHook makes a hook of its configuration.
func newHook(hc *conf.Hook) *hook {
	k := &hook{}
	k.configure(hc)
	return k
}

func (k *hook) configure(hc *conf.Hook) {
	k.conf, k.types = hc, map[string]bool{}
	for _, want := range hc.Events {
		k.types[want] = true
	}
}

// changeHooks changes the hooks, and sees to it that the clock ticks for them.
func (c *Core) changeHooks(change func()) {
	ticked := c.ticking()
	change()
	if !ticked && c.ticking() {
		c.startTicking()
	}
}

// offer gives an event to every hook that wants it.
func (c *Core) offer(name, payload string) {
	var h *happening
	for _, k := range c.hooks {
		if !covers(k.types, name) || c.parted {
			continue
		}
		if h == nil {
			h = c.happened(name, payload)
		}
		if h.Group == "" || k.conf.WantsProcess(h.Group, h.Process) {
			c.line(k, h)
		}
	}
}

// line puts an event behind those that wait for the hook. When there is no room it is
// dropped: the first events of many say more than the last.
func (c *Core) line(k *hook, h *happening) {
	if len(k.queue) < k.conf.BufferSize {
		k.queue = append(k.queue, h)
		k.accepted++
		return
	}
	if k.lost == 0 {
		c.logf(conf.Error, "hook %s: %d events wait already, dropping %s and what follows", k.conf.Name, len(k.queue), h.subject())
	}
	k.lost++
	k.lostAll++
}

// runHooks starts the commands of events that wait, as many as may run.
func (c *Core) runHooks() {
	for _, k := range c.hooks {
		for k.running < k.conf.Parallel && len(k.queue) > 0 {
			h := k.queue[0]
			k.queue = slices.Delete(k.queue, 0, 1)
			c.runHook(k, h)
		}
		if k.lost > 0 && len(k.queue) < k.conf.BufferSize {
			c.logf(conf.Error, "hook %s: there is room again; dropped meanwhile: %d, in all: %d", k.conf.Name, k.lost, k.lostAll)
			k.lost = 0
		}
	}
}

func (c *Core) runHook(k *hook, h *happening) {
	r := c.newErrand(time.Duration(k.conf.Timeout) * time.Second)
	r.hook, r.event = k, h
	k.running++
	c.emit(RunHook{Errand: r.id, Hook: k.conf, Input: h.input(k.conf.Name), Environ: h.environ})
}

// input is the event as one line of JSON.
func (h *happening) input(hook string) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Hook string `json:"hook"`
		*happening
	}{hook, h})
	if err != nil {
		panic("bug: an event is not writable as JSON: " + err.Error())
	}
	return []byte(b.String())
}

// hookEnded takes the end of a hook's command, or the news that there was none.
func (c *Core) hookEnded(r *errand, in ErrandEnded) {
	r.hook.running--
	name := r.name()
	switch {
	case in.Failure != "":
		c.logf(conf.Error, "%s: cannot be run for %s: %s", name, r.event.subject(), in.Failure)
	case r.late != "":
		c.logf(conf.Debug, "%s: ended (%s)", name, in.Text)
	case in.Code != 0:
		c.logf(conf.Warn, "%s: failed for %s (%s)", name, r.event.subject(), in.Text)
	default:
		c.logf(conf.Debug, "%s: done with %s", name, r.event.subject())
	}
}

// hooksWaiting counts the events that wait for hooks.
func (c *Core) hooksWaiting() (n int) {
	for _, k := range c.hooks {
		n += len(k.queue)
	}
	return n
}

// activeHooks returns the configurations of the hooks in effect.
func (c *Core) activeHooks() []*conf.Hook {
	var active []*conf.Hook
	for _, k := range c.hooks {
		active = append(active, k.conf)
	}
	return active
}

// hookChange makes a change of a hook one of those that requests answer with.
func hookChange(d conf.GroupChange) api.GroupChange {
	return api.GroupChange{Name: d.Name, Change: api.Change(d.Kind), Keys: keyChanges(d.Keys), Members: []api.MemberChange{}}
}

// updateHook brings one hook into line with the configuration as last read. What runs
// goes on to its end; what waits for a hook that goes is dropped.
func (c *Core) updateHook(id RequestID, section string) {
	named := func(hc *conf.Hook) bool { return conf.HookSection(hc.Name) == section }
	was := slices.IndexFunc(c.activeHooks(), named)
	is := slices.IndexFunc(c.config.Hooks, named)
	if was < 0 && is < 0 {
		c.fault(id, api.BadName, section)
		return
	}
	var before, now []*conf.Hook
	if was >= 0 {
		before = []*conf.Hook{c.hooks[was].conf}
	}
	if is >= 0 {
		now = []*conf.Hook{c.config.Hooks[is]}
	}
	changes := conf.HookChanges(before, now)
	if len(changes) == 0 {
		c.reply(id, api.GroupChange{Name: section, Change: api.Unchanged, Keys: []api.KeyChange{}, Members: []api.MemberChange{}})
		return
	}
	c.changeHooks(func() {
		switch {
		case was < 0:
			c.hooks = append(c.hooks, newHook(now[0]))
		case is < 0:
			if waiting := len(c.hooks[was].queue); waiting > 0 {
				c.logf(conf.Error, "hook %s: removed, dropping %d events that wait", c.hooks[was].conf.Name, waiting)
			}
			c.hooks = slices.Delete(c.hooks, was, was+1)
		default:
			c.hooks[was].configure(now[0])
		}
	})
	c.reply(id, hookChange(changes[0]))
}
