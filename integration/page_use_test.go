package integration

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func pageKeyboard(t *testing.T, b *browser) {
	s, url := newPageSup(t, pageConf)
	p := b.open(t, url)
	p.state("web", "running")
	p.keys(kb.Tab)
	p.sees("Skip to the programs", "focused()")
	var order []string
	for range 80 {
		p.keys(kb.Tab)
		at := eval[string](p, "focused()")
		order = append(order, at)
		if at == "Clear worker:worker-2" {
			break
		}
		if !eval[bool](p, "document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle !== 'none'") {
			t.Errorf("nobody can see that the focus is on %q", at)
		}
	}
	for _, want := range []string{"Start all", "Filter by name", "All 8", "job, details", "Start job", "Restart job", "Log job", "Clear job", "Stop all of group worker"} {
		if !slices.Contains(order, want) {
			t.Errorf("the keyboard does not reach %q, only %q", want, order)
		}
	}
	focus := func(label string) {
		t.Helper()
		eval[any](p, fmt.Sprintf(`document.querySelector('[aria-label=%q]').focus()`, label))
	}
	focus("Stop web")
	p.keys(kb.Enter)
	p.state("web", "stopped")
	p.sees("Start web", "focused()") // the same button, with another name
	p.keys(" ")                      // at once, this was not meant
	p.sees("true", "[...rows.values()].every((r) => performance.now() - r.swapped >= 500)")
	p.state("web", "stopped")
	p.keys(" ")
	p.state("web", "running")
	focus("Stop all of group worker")
	p.keys(kb.Enter)
	p.sees("ask-yes", "focused()")
	p.keys(kb.Enter)
	p.state("worker:worker-2", "stopped")
	p.sees("Stop all of group worker", "focused()")

	focus("Log web")
	p.keys(kb.Enter)
	p.sees("panel-name", "document.activeElement.id")
	p.sees("true", "document.getElementById('programs').inert")
	for range 3 {
		p.keys(kb.Tab)
	}
	p.keys(kb.Tab) // Close
	p.keys(kb.Tab)
	p.sees("tab-log", "document.activeElement.id")
	p.keys(kb.ArrowRight)
	p.sees("tab-err", "document.activeElement.id")
	p.sees("true", "document.activeElement.getAttribute('aria-selected')")
	p.keys(kb.ArrowLeft)
	p.keys(kb.ArrowLeft)
	p.sees("tab-why", "document.activeElement.id")
	p.keys(kb.Escape)
	p.sees("Log web", "focused()")
	s.running()
}

// contrast returns the texts that are hard to read on what is behind them.
const contrast = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
	const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const back = (node) => { for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
	const poor = new Set();
	for (const node of document.querySelectorAll("body *")) {
		if (!node.offsetParent || ![...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
		const [a, b] = [light(rgb(getComputedStyle(node).color)), light(back(node))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) poor.add(node.textContent.trim().slice(0, 30) + " " + ratio.toFixed(2));
	}
	return [...poor];
})()`

func pageReadable(t *testing.T, b *browser) {
	_, url := newPageSup(t, pageConf)
	p := b.open(t, url)
	p.state("mailer", "fatal")
	p.state("web", "running")
	backs := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		backs[eval[string](p, "getComputedStyle(document.documentElement).backgroundColor")] = true
		pause(400 * time.Millisecond) // what fades
		for _, view := range []string{"", "#why/mailer", "#log/web"} {
			p.visit(url + "?" + scheme + view)
			p.state("mailer", "fatal")
			if poor := eval[[]string](p, contrast); len(poor) > 0 {
				t.Errorf("%s %s: hard to read: %q", scheme, view, poor)
			}
		}
	}
	if len(backs) != 2 {
		t.Errorf("light and dark are the same: %v", backs)
	}
	p.visit(url)
	p.state("mailer", "fatal")
	p.holds(" %", "cell('web', 'cpu')")
	p.shot("dark")

	p.size(360, 740, true)
	for _, view := range []string{"", "#log/web", "#why/mailer"} {
		p.visit(url + "?phone" + view)
		p.state("mailer", "fatal")
		if got := eval[float64](p, "document.documentElement.scrollWidth"); got > 360 {
			t.Errorf("%q is %v wide on a phone of 360", view, got)
		}
		small := eval[[]string](p, `[...document.querySelectorAll("button, input[type=search]")].filter((b) => b.offsetParent && !b.closest("[inert]"))
			.filter((b) => { const r = b.getBoundingClientRect(); return r.height < 30 || r.width < 24; }).map((b) => b.textContent + b.id)`)
		if len(small) > 0 {
			t.Errorf("%q: too small for a finger: %q", view, small)
		}
		p.shot("phone" + strings.ReplaceAll(view, "#", "-"))
	}
	p.visit(url)
	p.state("web", "running")
	pageIsHeard(t, p)
	p.do(chromedp.Tap(chromedp.CSS(`[aria-label="Stop web"]`)))
	p.state("web", "stopped")
}

// pageIsHeard looks at the page, which is laid out for a phone, as a screen
// reader does.
func pageIsHeard(t *testing.T, p *tab) {
	heard := p.heard()
	count := func(role string) (n int) {
		for _, node := range heard {
			if strings.HasPrefix(node, role+" ") {
				n++
			}
		}
		return n
	}
	if rows, groups := count("row"), count("rowheader"); count("table") != 1 || rows < 9 || groups != 9 {
		t.Errorf("%d tables, %d rows and %d headers of rows", count("table"), rows, groups)
	}
	for _, want := range []string{"table Programs", "button Stop web", "button Log worker:worker-2", "searchbox Filter by name", "heading shop-1", "main Programs"} {
		if !slices.Contains(heard, want) {
			t.Errorf("%q is not heard", want)
		}
	}
	if !slices.ContainsFunc(heard, func(node string) bool {
		return strings.HasPrefix(node, "rowheader ") && strings.HasSuffix(node, "worker 3 of 3 running")
	}) {
		t.Error("how many workers run is not heard")
	}
	for _, node := range heard {
		role, name, _ := strings.Cut(node, " ")
		if name == "" && slices.Contains([]string{"button", "tab", "searchbox", "checkbox", "link", "dialog", "rowheader"}, role) {
			t.Errorf("a %s without a name", role)
		}
	}
	if t.Failed() {
		t.Logf("heard: %q", heard)
	}
}

func pageMany(t *testing.T, b *browser) {
	s, url := newPageSup(t, `
[inet_http_server]
port=127.0.0.1:PORT
[supervisord]
loglevel=trace
[program:p]
command=TESTPROG stay
process_name=p%(process_num)03d
numprocs=400
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:q]
command=TESTPROG stay
process_name=q%(process_num)03d
numprocs=100
startsecs=0
autostart=false
stdout_logfile=NONE
stderr_logfile=NONE
`)
	s.waitState("p:p399", "RUNNING")
	p := b.open(t, url)
	p.sees("400 of 400 running,0 of 100 running", "[...document.querySelectorAll('.count')].map((c) => c.textContent).join()")
	p.holds("B", "cell('p:p399', 'mem')")
	p.shot("many")
	took := eval[float64](p, `(() => { const began = performance.now(); show([...rows.values()].map((r) => r.info)); document.body.offsetHeight; return performance.now() - began; })()`)
	t.Logf("all rows anew where nothing has changed: %.1f ms", took)

	// What one program does concerns its row, and a few sums.
	eval[any](p, `window.marked = [...document.querySelectorAll("tbody tr")]; window.changes = [];
		new MutationObserver((list) => window.changes.push(...list.map((m) => m.target))).observe(document.querySelector("table"), { childList: true, subtree: true, characterData: true, attributes: true })`)
	s.must(0, "", "stop", "p:p123")
	p.state("p:p123", "stopped")
	others := eval[[]string](p, `[...new Set(changes.map((n) => (n.nodeType === 3 ? n.parentElement : n).closest("tr")).filter((tr) => tr && tr !== row("p:p123") && !tr.matches(".group") && !changes.every((n) => !tr.contains(n) || (n.closest ? n : n.parentElement).closest(".num, .note"))))].map((tr) => tr.innerText)`)
	if len(others) > 0 {
		t.Errorf("other rows were changed: %q", others)
	}
	began := time.Now()
	p.click("#all [data-do=restart]")
	p.confirm("Restart all 500 programs?")
	p.sees("400 of 400 running,100 of 100 running", "[...document.querySelectorAll('.count')].map((c) => c.textContent).join()")
	t.Logf("all 500 restarted, as the page shows it: %v", time.Since(began))
	if !eval[bool](p, `marked.length === 502 && [...document.querySelectorAll("tbody tr")].every((tr, i) => tr === marked[i])`) {
		t.Error("rows were made anew")
	}
	if n := strings.Count(s.log(), "method called: supervisor.getAllProcessInfo()"); n > 200 {
		t.Errorf("the whole list was asked for %d times", n)
	}
	longest := eval[float64](p, `new Promise((done) => { let most = 0, last = performance.now(), n = 0;
		const frame = () => { const t = performance.now(); most = Math.max(most, t - last); last = t; ++n < 120 ? requestAnimationFrame(frame) : done(most); }; requestAnimationFrame(frame); })`)
	t.Logf("the longest of 120 frames: %.0f ms", longest)
	p.fill("filter", "p:p39")
	p.sees("p p390 p391 p392 p393 p394 p395 p396 p397 p398 p399", "shown()")
}

// pageStrangers has a page of another site that tries what it can.
func pageStrangers(t *testing.T, b *browser) {
	s, url := newPageSup(t, traced(pageConf))
	pid := s.waitPID("web")
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if policy := r.URL.Query().Get("policy"); policy != "" {
			w.Header().Set("Referrer-Policy", policy)
		}
		fmt.Fprintf(w, `<!DOCTYPE html><iframe name="f"></iframe><form method="post" target="f" action="%[1]s"><input name="action" value="stop"><input name="processname" value="web"></form>
<script>const done = Promise.allSettled([
	new Promise((r) => { const i = new Image(); i.onload = i.onerror = r; i.src = "%[1]s?action=stop&processname=web"; }),
	new Promise((r) => { const i = document.createElement("iframe"); i.onload = r; i.src = "%[1]s?action=stopall"; document.body.append(i); }),
	new Promise((r) => { document.querySelector("iframe").onload = r; document.forms[0].submit(); }),
	fetch("%[1]s?action=stopall", { mode: "no-cors", credentials: "include" }),
	fetch("%[1]s", { mode: "no-cors", method: "POST", body: new URLSearchParams({ action: "stopall" }) }),
	fetch("%[1]sndjson", { mode: "no-cors", method: "POST", body: '{"method":"supervisor.stopAllProcesses"}\n' }),
	fetch("%[1]sndjson", { method: "POST", headers: { "Content-Type": "application/x-ndjson" }, body: '{"method":"supervisor.stopAllProcesses"}\n' }),
]).then((all) => all.length);</script>`, url)
	}))
	t.Cleanup(stranger.Close)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		for _, policy := range []string{"", "no-referrer", "unsafe-url"} {
			p := b.open(t, url) // a session of ours beside it
			p.state("web", "running")
			p.visit(strings.Replace(stranger.URL, "127.0.0.1", host, 1) + "/?policy=" + policy)
			p.sees("7", "done")
			p.messages = nil // the browser tells what it did not allow
		}
	}
	if got := s.waitPID("web"); got != pid {
		t.Errorf("web has pid %d, had %d", got, pid)
	}
	if strings.Contains(s.log(), "stopAllProcesses") || strings.Contains(s.log(), "stopProcess") {
		t.Error("a page of another site was obeyed")
	}

	// A link that a person follows asks first.
	p := b.open(t, url)
	p.visit(stranger.URL)
	eval[any](p, fmt.Sprintf(`{ const a = document.createElement("a"); a.href = %q; document.body.append(a); a.click(); }`, url+"?action=stop&processname=web"))
	p.sees("Stop web?", "document.querySelector('h1')?.textContent")
	p.shot("question")
	p.click("button")
	p.sees("Process web stopped", "document.getElementById('message')?.textContent")
	p.sees("", "location.search") // so that a reload does not say it again
	if s.waitState("web", "STOPPED").name != "web" {
		t.Error("web runs")
	}
	p.messages = nil
}

// pageBehind has the page below a path of a proxy, and a password.
func pageBehind(t *testing.T, b *browser) {
	s, url := newPageSup(t, strings.Replace(pageConf, "[program:web]", "username=joe\npassword=secret\n[program:web]", 1))
	target, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/sup", &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}))
	t.Cleanup(proxy.Close) // when the tab has let go of it
	p := b.open(t, strings.Replace(proxy.URL, "http://", "http://joe:secret@", 1)+"/sup/")
	p.visit(proxy.URL + "/sup/")
	p.state("web", "running")
	p.press("Stop web")
	p.state("web", "stopped")
	s.waitState("web", "STOPPED")
	p.visit(proxy.URL + "/sup/tail.html?processname=web")
	p.sees("Supervisor tail of process web", "document.title")
	p.click("a[href^='./#log']")
	p.sees("web", "document.getElementById('panel-name')?.textContent")
}
