package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/daemon/socket"
	"gosupervisor/peer"
)

// client is who is at the other end of a connection, and what it may do where
// there are roles.
type client struct {
	trusted bool        // it may do everything
	roles   []conf.Role // that it plays
	who     string      // for people
	afar    error       // why it does not count as anybody here; nil: it does
}

// clientOf finds out who is at the other end of a connection. Root and our own
// user may do everything, and so may whoever comes to a TCP server, where the
// kernel tells nothing and the password is all there is.
func clientOf(conn net.Conn, roles []conf.Role) *client {
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return &client{trusted: true, who: "a client at " + conn.RemoteAddr().String()}
	}
	p, err := socket.PeerOf(local)
	if err != nil {
		return &client{who: "a client that cannot be told (" + err.Error() + ")"}
	}
	return clientFrom(p, roles, peer.KnownUID, peer.KnownGID)
}

// at returns the client as it counts on a server that everybody in the network
// namespace reaches: one that does not live where we do is nobody, whatever its number.
func (c *client) at(conn net.Conn) *client {
	if local, ok := conn.(*net.UnixConn); ok {
		if err := peer.SameHome(local); err != nil {
			return &client{who: c.who, afar: err}
		}
	}
	return c
}

// clientFrom finds the roles of a process. Numbers that anybody may have are nobody's.
func clientFrom(p socket.Peer, roles []conf.Role, knownUID, knownGID func(int) bool) *client {
	c := &client{who: fmt.Sprintf("uid %d", p.UID)}
	known := knownUID(p.UID)
	if !known {
		c.who += ", which is whoever has no number in this user namespace,"
	}
	c.trusted = p.UID == 0 || known && p.UID == os.Geteuid()
	for _, r := range roles {
		inGroup := slices.ContainsFunc(r.GIDs, func(gid int) bool { return slices.Contains(p.Groups, gid) && knownGID(gid) })
		if inGroup || known && slices.Contains(r.UIDs, p.UID) {
			c.roles = append(c.roles, r)
		}
	}
	return c
}

// stranger tells whether the client may do nothing at all.
func (c *client) stranger() bool { return !c.trusted && len(c.roles) == 0 }

// String says who the client is.
func (c *client) String() string {
	if len(c.roles) == 0 || c.trusted {
		return c.who
	}
	return c.who + " in " + rolesText(c.roles)
}

func rolesText(roles []conf.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.Name
	}
	if len(names) == 1 {
		return "role " + names[0]
	}
	return "roles " + strings.Join(names, ", ")
}

// need is what a request takes.
type need struct {
	access api.Access
	scope  api.Scope
	names  []string
}

func needOf(r api.Request) need {
	a, s, names := api.AccessOf(r)
	if s == api.TheNamed && len(names) == 0 || slices.Contains(names, "all") {
		s = api.EveryOne // no name, or this one, means all
	}
	return need{a, s, names}
}

// allows tells whether a role is enough for a request.
func (n need) allows(r *conf.Role) bool {
	if !levelAllows(r.Access, n.access) {
		return false
	}
	switch n.scope {
	case api.NoProcess, api.TheVisible:
		return true
	case api.TheNamed:
		return len(n.names) == 1 && covers(r, n.names[0])
	case api.TheGroup:
		return len(n.names) == 1 && r.Covers(n.names[0], "")
	}
	return r.CoversAll()
}

func covers(r *conf.Role, namespec string) bool { return r.Covers(api.SplitNamespec(namespec)) }

func levelAllows(have conf.Access, want api.Access) bool {
	switch have {
	case conf.AccessAdmin:
		return want <= api.Admin
	case conf.AccessOperate:
		return want <= api.Operate
	}
	return want <= api.Read
}

// guard is the service as the clients of a server may use it where there are
// roles. It is the only way to the service, for every wire. Who asks stands in
// the context; a request without that is refused.
type guard struct {
	api.Service
	roles []conf.Role
	log   func(conf.Level, string)
	told  *meter // of refusals
}

// Do implements api.Service.
func (g *guard) Do(ctx context.Context, r api.Request) (any, error) {
	c, n, err := g.admit(ctx, r)
	if err != nil {
		return nil, err
	}
	v, err := g.Service.Do(ctx, r)
	if err == nil && n.scope == api.TheVisible && !c.trusted {
		return c.visible(v, n)
	}
	return v, err
}

// Peek implements api.Peeker.
func (g *guard) Peek(ctx context.Context, r api.Request) (any, bool, error) {
	p, can := g.Service.(api.Peeker)
	if !can {
		return nil, false, nil
	}
	n := needOf(r)
	c := clientIn(ctx)
	if n.access > api.Read || !c.may(n) {
		return nil, false, nil // Do says why, and the log hears of it
	}
	v, ok, err := p.Peek(ctx, r)
	if ok && err == nil && n.scope == api.TheVisible && !c.trusted {
		v, err = c.visible(v, n)
	}
	return v, ok, err
}

// Follow implements api.Service.
func (g *guard) Follow(ctx context.Context, r api.Request, emit func(any) error) error {
	if _, _, err := g.admit(ctx, r); err != nil {
		return err
	}
	return g.Service.Follow(ctx, r, emit)
}

// admit refuses what a client may not do, and tells the activity log of what it
// is about to do.
func (g *guard) admit(ctx context.Context, r api.Request) (*client, need, error) {
	n := needOf(r)
	c := clientIn(ctx)
	if !c.may(n) {
		f := g.refusal(c, n, r)
		if more, ok := g.told.pass(time.Now(), refusalsEvery); ok {
			g.log(conf.Warn, "refused: "+f.Detail+andMore(more))
		}
		return nil, n, f
	}
	if n.access > api.Read && len(g.roles) > 0 {
		g.log(conf.Info, fmt.Sprintf("%s calls %s", c, callText(r, n)))
	}
	return c, n, nil
}

// refusalsEvery is how often a line tells of refusals.
const refusalsEvery = time.Second

// clientIn returns the client of a request; without one it is a stranger.
func clientIn(ctx context.Context) *client {
	if conn, ok := ctx.Value(connKey{}).(*firstByteConn); ok && conn.client != nil {
		return conn.client
	}
	return &client{who: "nobody"}
}

// may tells whether a client may do what a request takes. Each name may be
// another role's.
func (c *client) may(n need) bool {
	if c.trusted {
		return true
	}
	if n.scope != api.TheNamed || len(n.names) < 2 {
		return slices.ContainsFunc(c.roles, func(r conf.Role) bool { return n.allows(&r) })
	}
	for _, name := range n.names {
		if !c.may(need{n.access, n.scope, []string{name}}) {
			return false
		}
	}
	return true
}

// visible leaves those in a list of descriptions that the client may see.
func (c *client) visible(v any, n need) (any, error) {
	all := reflect.ValueOf(v)
	if all.Kind() != reflect.Slice || all.Type().Elem().Kind() != reflect.Struct {
		return nil, errors.New("the reply is no list of processes")
	}
	some := reflect.MakeSlice(all.Type(), 0, all.Len())
	for i := range all.Len() {
		group, name := all.Index(i).FieldByName("Group"), all.Index(i).FieldByName("Name")
		if !group.IsValid() || !name.IsValid() {
			return nil, errors.New("the reply does not name its processes")
		}
		if slices.ContainsFunc(c.roles, func(r conf.Role) bool {
			return levelAllows(r.Access, n.access) && r.Covers(group.String(), name.String())
		}) {
			some = reflect.Append(some, all.Index(i))
		}
	}
	return some.Interface(), nil
}

// refusal says what was refused to whom, and which role would be needed.
func (g *guard) refusal(c *client, n need, r api.Request) *api.Fault {
	if c.afar != nil || len(g.roles) == 0 {
		return api.NewFault(api.Forbidden, callText(r, n)+": "+ownersText(c))
	}
	var able []conf.Role
	for _, role := range g.roles {
		if (&client{roles: []conf.Role{role}}).may(n) {
			able = append(able, role)
		}
	}
	has := c.who + " is in no role"
	if len(c.roles) > 0 {
		has = c.who + " has " + rolesText(c.roles)
	}
	needed := "no role gives that"
	if len(able) > 0 {
		needed = rolesText(able) + " would do"
	}
	return api.NewFault(api.Forbidden, fmt.Sprintf("%s takes %s access%s; %s; %s", callText(r, n), n.access, n.about(), has, needed))
}

// about says which processes a request concerns.
func (n need) about() string {
	switch n.scope {
	case api.TheNamed, api.TheGroup:
		return " to " + namesText(n.names)
	case api.EveryOne:
		return " to every process"
	}
	return ""
}

func callText(r api.Request, n need) string {
	name := "an unknown method"
	if m, ok := api.MethodOf(r); ok {
		name = strings.TrimPrefix(m.Name, api.SupervisorPrefix)
	}
	if len(n.names) == 0 {
		return name
	}
	return name + " " + namesText(n.names)
}

// namesText shows names that somebody sent.
func namesText(names []string) string {
	return api.Shorten(conf.Repr(strings.Join(names, " ")))
}

// barred refuses a client who may do nothing at all what the service is not
// asked for.
func (s *Server) barred(ctx context.Context) *api.Fault {
	if !s.o.asksWho() {
		return nil
	}
	c := clientIn(ctx)
	if !c.stranger() {
		return nil
	}
	if c.afar != nil || len(s.o.Roles) == 0 {
		return api.NewFault(api.Forbidden, ownersText(c))
	}
	return api.NewFault(api.Forbidden, fmt.Sprintf("%s is in no role; there are %s", c.who, rolesText(s.o.Roles)))
}

// ownersText says for whom a socket is that has no mode.
func ownersText(c *client) string {
	if c.afar != nil {
		return fmt.Sprintf("%s is not let in: %v; this socket is for the container of supervisord alone", c.who, c.afar)
	}
	return fmt.Sprintf("%s is neither root nor uid %d, for whom this socket is, and there are no roles", c.who, os.Geteuid())
}
