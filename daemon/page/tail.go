package page

import (
	"context"
	"net/http"
	"strconv"

	"gosupervisor/ctl/api"
)

// Bounds of how much of a log a page shows.
const (
	leastTail = 1024
	mostTail  = 1 << 20
)

// serveTail shows the end of a program's standard output.
func (p *Handler) serveTail(w http.ResponseWriter, r *http.Request, do Do) {
	name := r.Form.Get("processname")
	limit, err := strconv.ParseInt(r.Form.Get("limit"), 10, 64)
	if err != nil || limit < leastTail {
		limit = leastTail
	}
	limit = min(limit, mostTail)
	text := tail(r.Context(), do, name, limit)
	again := "tail.html?processname=" + encode(name) + "&limit=" + strconv.FormatInt(limit, 10)
	links := `<a class="button" href="` + escape(again) + `">Refresh</a>`
	if name != "" {
		links += ` <a class="button" href="./#log/` + escape(encode(name)) + `">Follow</a>`
	}
	writePage(w, http.StatusOK, head("Supervisor tail of process "+name)+`<body class="plain"><main class="wide card">
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
