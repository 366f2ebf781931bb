package page

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/url"
	"strings"
	"sync"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
)

// MaxForm is how long the body of a request may be; whoever reads it sees to it.
const MaxForm = 64 << 10

// Do performs a method of the table for whoever sent the request that is being
// answered.
type Do func(ctx context.Context, method string, args ...any) (any, *api.Fault)

// Handler answers requests for the paths that Serves names. Make it with New.
type Handler struct {
	fail  func(*http1.Answer, int)
	now   func() time.Time
	since time.Time // of the files: they do not change while the program runs
}

// content is what the page consists of. Most supervisors are never asked for it.
type content struct {
	index [2]string // what stands before and behind the message
	files map[string]file
}

// file is a static one, as it is sent.
type file struct {
	mime, tag string
	body      []byte
}

//go:embed assets
var assets embed.FS

// names are the paths of the static files. Those of the original's pictures
// show ours, for pages of others that have them.
var names = []struct{ path, asset, mime string }{
	{"/page.js", "assets/page.js", "text/javascript;charset=utf-8"},
	{"/stylesheets/supervisor.css", "assets/page.css", "text/css;charset=utf-8"},
	{"/icon.svg", "assets/icon.svg", "image/svg+xml"},
	{"/favicon.ico", "assets/icon.svg", "image/svg+xml"},
	{"/images/icon.png", "assets/icon.svg", "image/svg+xml"},
	{"/images/supervisor.gif", "assets/icon.svg", "image/svg+xml"},
}

// New returns a handler. fail answers with an error page, and now tells the time
// that messages name.
func New(fail func(*http1.Answer, int), now func() time.Time) *Handler {
	return &Handler{fail: fail, now: now, since: now().Truncate(time.Second)}
}

// load returns the content, which is made when it is asked for first.
var load = sync.OnceValue(func() *content {
	p := &content{files: map[string]file{}}
	for _, of := range names {
		body := mustRead(of.asset)
		sum := sha256.Sum256(body)
		p.files[of.path] = file{mime: of.mime, tag: `"` + hex.EncodeToString(sum[:8]) + `"`, body: body}
	}
	before, behind, ok := strings.Cut(string(mustRead("assets/index.html")), "<!-- message -->")
	if !ok {
		panic("bug: the page has no place for a message")
	}
	p.index = [2]string{before, behind}
	return p
})

func mustRead(name string) []byte {
	body, err := assets.ReadFile(name)
	if err != nil {
		panic("bug: " + err.Error())
	}
	return body
}

// Serves tells whether a path is one of the page's.
func Serves(path string) bool {
	for _, of := range names {
		if of.path == path {
			return true
		}
	}
	return path == "/" || path == "/index.html" || path == "/tail.html"
}

// Serve answers the request q, whose body was form, for a path that Serves names.
// own says that it comes from this page or from no page, such as from a script.
func (p *Handler) Serve(ctx context.Context, a *http1.Answer, q *http1.Request, form []byte, own bool, do Do) {
	a.Set("Content-Security-Policy", policy)
	a.Set("Cross-Origin-Opener-Policy", "same-origin")
	f, static := load().files[q.Path]
	switch {
	case q.Method != http1.MethodGet && q.Method != http1.MethodHead && (static || q.Method != http1.MethodPost):
		p.fail(a, http1.StatusBadRequest)
	case static:
		p.serveFile(a, q, f)
	default:
		p.serveDynamic(&visit{ctx, a, q, q.Form(form), own, do})
	}
}

// visit is a request for what is made here.
type visit struct {
	ctx  context.Context
	a    *http1.Answer
	q    *http1.Request
	form url.Values // what could not be read is left out, and the rest counts
	own  bool
	do   Do
}

// serveFile sends a file, if it is not the one that the client has.
func (p *Handler) serveFile(a *http1.Answer, q *http1.Request, f file) {
	a.Set("Cache-Control", "no-cache") // asked for again each time, and sent when it is another
	a.Set("ETag", f.tag)
	a.Set("Last-Modified", p.since.UTC().Format(http1.TimeFormat))
	tag := q.Header.Get("If-None-Match")
	when, err := http1.ParseTime(q.Header.Get("If-Modified-Since"))
	if strings.Contains(tag, f.tag) || tag == "" && err == nil && !p.since.After(when) {
		a.Status = http1.StatusNotModified
		return
	}
	_ = a.Send(http1.StatusOK, f.mime, f.body) // the client being gone concerns nobody
}

func (p *Handler) serveDynamic(v *visit) {
	switch {
	case v.q.Path == "/tail.html":
		p.serveTail(v)
	case v.form.Get("action") != "" && v.q.Method != http1.MethodHead:
		p.serveAction(v)
	default:
		p.serveIndex(v.a, v.form.Get("message"))
	}
}

func (p *Handler) serveIndex(a *http1.Answer, message string) {
	hidden := " hidden"
	if message != "" {
		hidden = ""
	}
	writePage(a, http1.StatusOK, load().index[0]+`<div class="status_msg" id="message" role="status"`+hidden+">"+escape(message)+"</div>"+load().index[1])
}

// writePage sends a page that must not be kept.
func writePage(a *http1.Answer, status int, text string) {
	fresh(a)
	_ = a.Send(status, "text/html;charset=utf-8", []byte(text)) // the client being gone concerns nobody
}

// fresh says, as the original does, that an answer must not be kept.
func fresh(a *http1.Answer) {
	a.Set("Pragma", "no-cache")
	a.Set("Cache-Control", "no-cache")
	a.Set("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")
}

// policy lets the page use its own files and nothing else, be shown in no frame,
// and make nothing but text of what it is told.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// markup is what text must not become. Package html has it too, with a table of
// all the names that characters can have.
var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

// escape makes any bytes text in a page: what is not valid is replaced, and
// what is not printed is shown by the picture of it.
func escape(text string) string {
	return markup.Replace(strings.Map(func(c rune) rune {
		switch {
		case c < ' ' && c != '\n' && c != '\t' && c != '\r':
			return '\u2400' + c
		case c == 0x7f:
			return '\u2421'
		}
		return c // and U+FFFD for what is not UTF-8
	}, text))
}
