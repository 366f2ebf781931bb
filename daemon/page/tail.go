package page

import (
	"context"
	"strconv"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
)

// Bounds of how much of a log a page shows.
const (
	leastTail = 1024
	mostTail  = 1 << 20
)

// serveTail shows the end of a program's standard output.
func (p *Handler) serveTail(v *visit) {
	name := v.form.Get("processname")
	limit, err := strconv.ParseInt(v.form.Get("limit"), 10, 64)
	if err != nil || limit < leastTail {
		limit = leastTail
	}
	limit = min(limit, mostTail)
	text := tail(v.ctx, v.do, name, limit)
	again := "tail.html?processname=" + encode(name) + "&limit=" + strconv.FormatInt(limit, 10)
	links := `<a class="button" href="` + escape(again) + `">Refresh</a>`
	if name != "" {
		links += ` <a class="button" href="./#log/` + escape(encode(name)) + `">Follow</a>`
	}
	writePage(v.a, http1.StatusOK, head("Supervisor tail of process "+name)+`<body class="plain"><main class="wide card">
<pre class="tail">`+"\n"+escape(text)+`</pre>
<p class="links">`+links+` <a class="button" href="./">All programs</a></p></main></body></html>
`)
}

func tail(ctx context.Context, do Do, name string, limit int64) string {
	if name == "" {
		return "No process name found"
	}
	v, f := do(ctx, "supervisor.readProcessStdoutLog", name, -limit, int64(0))
	switch {
	case f != nil && f.Code == api.NoFile:
		return "No file for " + name
	case f != nil:
		return "ERROR: " + unexpected(f)
	}
	log, _ := v.(api.Bytes)
	return string(log)
}
