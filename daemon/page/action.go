package page

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
)

// action is what a link of the original's page asks for.
type action struct {
	words   string // what it does, for a person who is asked; %s is the process
	acts    bool   // it changes something
	perform func(p *Handler, ctx context.Context, do Do, name string) (message string, f *api.Fault)
}

// one tells whether the action is on a process.
func (a action) one() bool { return strings.Contains(a.words, "%s") }

// actionOf finds an action by its name.
func actionOf(name string) (a action, known bool) {
	switch name {
	case "refresh":
		return action{"Show the programs", false, func(p *Handler, _ context.Context, _ Do, _ string) (string, *api.Fault) {
			return p.at("Page refreshed"), nil
		}}, true
	case "stopall":
		return action{"Stop all programs", true, stopAll}, true
	case "restartall":
		return action{"Restart all programs", true, restartAll}, true
	case "start":
		return action{"Start %s", true, start}, true
	case "stop":
		return action{"Stop %s", true, stop}, true
	case "restart":
		return action{"Restart %s", true, restart}, true
	case "clearlog":
		return action{"Clear the log of %s", true, clearLog}, true
	}
	return a, false
}

// serveAction does what the arguments ask for and leads back to the page, with
// a message of what came of it. A link that may be a stranger's is asked about
// first, by a button, which no stranger can press.
func (p *Handler) serveAction(v *visit) {
	name := v.form.Get("processname")
	a, known := actionOf(v.form.Get("action"))
	switch {
	case !known, a.one() && name == "":
		p.fail(v.a, http1.StatusBadRequest)
		return
	case a.acts && !v.own:
		if v.q.Method == http1.MethodPost {
			p.fail(v.a, http1.StatusForbidden)
		} else {
			writePage(v.a, http1.StatusForbidden, confirmation(a, v.form.Get("action"), name))
		}
		return
	}
	message, f := "", (*api.Fault)(nil)
	if a.one() {
		f = exists(v.ctx, v.do, name)
	}
	switch {
	case f != nil && f.Code == api.BadName:
		message, f = "No such process named "+name, nil
	case f == nil:
		// A restart that has begun is not left half done by a client that leaves.
		message, f = a.perform(p, context.WithoutCancel(v.ctx), v.do, name)
	}
	switch {
	case f != nil && f.Code == api.ShutdownState:
		p.fail(v.a, http1.StatusUnavailable)
		return
	case f != nil:
		message = unexpected(f)
	}
	fresh(v.a)
	v.a.Set("Location", "./?message="+encode(message)) // relative, for a proxy that has us below a path
	p.fail(v.a, http1.StatusSeeOther)
}

// encode writes text into a query as the original does: a blank is %20, and a
// slash stays.
func encode(text string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(text))
}

// at ends a message with the time.
func (p *Handler) at(text string) string { return text + " at " + p.now().Format(time.ANSIC) }

// unexpected is the message for a fault that has no words of its own.
func unexpected(f *api.Fault) string {
	return fmt.Sprintf("unexpected rpc fault [%d] %s", f.Code, f.Text())
}

// exists looks for a process; a group is none.
func exists(ctx context.Context, do Do, name string) *api.Fault {
	_, f := do(ctx, "supervisor.getProcessInfo", name)
	return f
}

func stopAll(p *Handler, ctx context.Context, do Do, _ string) (string, *api.Fault) {
	_, f := do(ctx, "supervisor.stopAllProcesses", true)
	return p.at("All stopped"), f
}

func restartAll(p *Handler, ctx context.Context, do Do, _ string) (string, *api.Fault) {
	_, f := do(ctx, "supervisor.stopAllProcesses", true)
	if f == nil {
		_, f = do(ctx, "supervisor.startAllProcesses", true)
	}
	return p.at("All restarted"), f
}

// reasonOf has the original's words for what keeps a process from starting; "": it has none.
func reasonOf(code api.Code) string {
	switch code {
	case api.NoFile:
		return "no such file"
	case api.NotExecutable:
		return "file not executable"
	case api.AlreadyStarted:
		return "already started"
	case api.SpawnError:
		return "spawn error"
	case api.AbnormalTermination:
		return "abnormal termination"
	}
	return ""
}

func start(_ *Handler, ctx context.Context, do Do, name string) (string, *api.Fault) {
	_, f := do(ctx, "supervisor.startProcess", name, true)
	switch {
	case f == nil:
		return "Process " + name + " started", nil
	case f.Code == api.ShutdownState:
		return "", f
	}
	reason := reasonOf(f.Code)
	if reason == "" {
		reason = unexpected(f)
	}
	return "ERROR: Process " + name + ": " + reason, nil
}

func stop(_ *Handler, ctx context.Context, do Do, name string) (string, *api.Fault) {
	_, f := do(ctx, "supervisor.stopProcess", name, true)
	return "Process " + name + " stopped", f
}

// restart says that it has, whatever happened, as the original does; but that
// nothing was allowed or possible is told.
func restart(_ *Handler, ctx context.Context, do Do, name string) (string, *api.Fault) {
	_, f := do(ctx, "supervisor.stopProcess", name, true)
	if f == nil || f.Code == api.NotRunning {
		_, f = do(ctx, "supervisor.startProcess", name, true)
	}
	if f != nil && (reasonOf(f.Code) != "" || f.Code == api.NotRunning || f.Code == api.Failed) {
		f = nil
	}
	return "Process " + name + " restarted", f
}

func clearLog(_ *Handler, ctx context.Context, do Do, name string) (string, *api.Fault) {
	_, f := do(ctx, "supervisor.clearProcessLogs", name)
	return "Log for " + name + " cleared", f
}

// confirmation is the page that asks whether a link was meant.
func confirmation(a action, action, name string) string {
	words := a.words
	fields := hidden("action", action)
	if a.one() {
		words = fmt.Sprintf(words, name)
		fields += hidden("processname", name)
	}
	return head("Supervisor: "+words+"?") + `<body class="plain"><main class="card"><h1>` + escape(words) + `?</h1>
<p>The link that led here is not one of this page, so nothing has been done yet.</p>
<form method="post" action="./">` + fields + `<button class="button strong">` + escape(words) + `</button>
<a class="button" href="./">No, show the programs</a></form></main></body></html>
`
}

func hidden(name, value string) string {
	return `<input type="hidden" name="` + name + `" value="` + escape(value) + `">`
}

// head is the beginning of a page that is made here.
func head(title string) string {
	return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>` + escape(title) + `</title>
<link rel="icon" href="icon.svg" type="image/svg+xml"><link rel="stylesheet" href="stylesheets/supervisor.css"></head>
`
}
