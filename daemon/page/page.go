package page

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gosupervisor/ctl/api"
)

// MaxForm is how long the body of a request may be; whoever reads it sees to it.
const MaxForm = 64 << 10

// Do performs a method of the table for whoever sent the request that is being
// answered.
type Do func(ctx context.Context, method string, args ...any) (any, *api.Fault)

// Handler answers requests for the paths that Serves names. Make it with New.
type Handler struct {
	fail  func(http.ResponseWriter, int)
	now   func() time.Time
	since time.Time // of the files: they do not change while the program runs
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
var names = map[string][2]string{
	"/page.js":                    {"assets/page.js", "text/javascript;charset=utf-8"},
	"/stylesheets/supervisor.css": {"assets/page.css", "text/css;charset=utf-8"},
	"/icon.svg":                   {"assets/icon.svg", "image/svg+xml"},
	"/favicon.ico":                {"assets/icon.svg", "image/svg+xml"},
	"/images/icon.png":            {"assets/icon.svg", "image/svg+xml"},
	"/images/supervisor.gif":      {"assets/icon.svg", "image/svg+xml"},
}

// New returns a handler. fail answers with an error page, and now tells the time
// that messages name.
func New(fail func(http.ResponseWriter, int), now func() time.Time) *Handler {
	p := &Handler{fail: fail, now: now, since: now().Truncate(time.Second), files: map[string]file{}}
	for path, of := range names {
		body := mustRead(of[0])
		sum := sha256.Sum256(body)
		p.files[path] = file{mime: of[1], tag: `"` + hex.EncodeToString(sum[:8]) + `"`, body: body}
	}
	before, behind, ok := strings.Cut(string(mustRead("assets/index.html")), "<!-- message -->")
	if !ok {
		panic("bug: the page has no place for a message")
	}
	p.index = [2]string{before, behind}
	return p
}

func mustRead(name string) []byte {
	body, err := assets.ReadFile(name)
	if err != nil {
		panic("bug: " + err.Error())
	}
	return body
}

// Serves tells whether a path is one of the page's.
func Serves(path string) bool {
	_, static := names[path]
	return static || path == "/" || path == "/index.html" || path == "/tail.html"
}

// Serve answers a request for a path that Serves names. own says that it comes
// from this page or from no page, such as from a script.
func (p *Handler) Serve(w http.ResponseWriter, r *http.Request, own bool, do Do) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	f, static := p.files[r.URL.Path]
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead && (static || r.Method != http.MethodPost):
		p.fail(w, http.StatusBadRequest)
	case static:
		p.serveFile(w, r, f)
	default:
		p.serveDynamic(w, r, own, do)
	}
}

// serveFile sends a file, if it is not the one that the client has. Package
// net/http has more of this, and is larger for it.
func (p *Handler) serveFile(w http.ResponseWriter, r *http.Request, f file) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache") // asked for again each time, and sent when it is another
	h.Set("ETag", f.tag)
	h.Set("Last-Modified", p.since.UTC().Format(http.TimeFormat))
	tag := r.Header.Get("If-None-Match")
	when, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	if strings.Contains(tag, f.tag) || tag == "" && err == nil && !p.since.After(when) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mime)
	h.Set("Content-Length", strconv.Itoa(len(f.body)))
	_, _ = w.Write(f.body) // the client being gone concerns nobody
}

func (p *Handler) serveDynamic(w http.ResponseWriter, r *http.Request, own bool, do Do) {
	_ = r.ParseForm() // what cannot be read is left out, and the rest counts
	switch {
	case r.URL.Path == "/tail.html":
		p.serveTail(w, r, do)
	case r.Form.Get("action") != "" && r.Method != http.MethodHead:
		p.serveAction(w, r, own, do)
	default:
		p.serveIndex(w, r.Form.Get("message"))
	}
}

func (p *Handler) serveIndex(w http.ResponseWriter, message string) {
	hidden := " hidden"
	if message != "" {
		hidden = ""
	}
	writePage(w, http.StatusOK, p.index[0]+`<div class="status_msg" id="message" role="status"`+hidden+">"+escape(message)+"</div>"+p.index[1])
}

// writePage sends a page that must not be kept.
func writePage(w http.ResponseWriter, status int, text string) {
	fresh(w.Header())
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client being gone concerns nobody
}

// fresh says, as the original does, that an answer must not be kept.
func fresh(h http.Header) {
	h.Set("Pragma", "no-cache")
	h.Set("Cache-Control", "no-cache")
	h.Set("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")
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
