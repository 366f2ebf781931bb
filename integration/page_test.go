package integration

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// pageConf has a program of every kind: one that runs, one that is stopped, one
// that cannot start, one that ends, and a group.
const pageConf = `
[supervisord]
identifier=shop-1
[inet_http_server]
port=127.0.0.1:PORT
[program:web]
command=/bin/sh -c 'while read -r l; do echo "$l"; echo "error: $l" >&2; done'
stdout_logfile=DIR/web.log
[program:report]
command=TESTPROG stay
autostart=false
[program:mailer]
command=/bin/sh -c "echo cannot reach the smtp server >&2; exit 3"
startretries=0
[program:nocommand]
command=/no/such/command
autostart=false
[program:job]
command=/bin/sh -c "sleep 0.1; exit 4"
startsecs=0
autorestart=false
[program:worker]
command=TESTPROG stay
process_name=worker-%(process_num)d
numprocs=3
`

// newPageSup starts a daemon with a TCP port and returns the address of its
// page.
func newPageSup(t *testing.T, conf string) (*sup, string) {
	t.Helper()
	port := fmt.Sprint(freePort(t))
	s := newSup(t, strings.ReplaceAll(conf, "PORT", port)).start()
	return s, "http://127.0.0.1:" + port + "/"
}

// TestPage opens the page in a browser and uses it. It runs alone: a browser
// leaves little of a small machine to others.
func TestPage(t *testing.T) {
	oursOnly(t, "its page is another")
	b := newBrowser(t)
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *browser)
	}{
		{"shows the programs by group", pageShows},
		{"starts, stops, restarts and clears", pageActs},
		{"says what went wrong", pageComplains},
		{"follows without asking", pageFollows},
		{"follows a log, searches it and pauses", pageLog},
		{"tells why", pageWhy},
		{"lives through a restart of the daemon", pageRestart},
		{"is used with the keyboard", pageKeyboard},
		{"is readable, in light and dark and on a phone", pageReadable},
		{"has room for five hundred programs", pageMany},
		{"lets no other page act", pageStrangers},
		{"is behind a login and below a path", pageBehind},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, b) })
	}
}

func pageShows(t *testing.T, b *browser) {
	_, url := newPageSup(t, pageConf)
	p := b.open(t, url)
	p.sees("Live", "document.getElementById('link').textContent")
	for name, state := range map[string]string{"web": "running", "report": "stopped", "mailer": "fatal", "nocommand": "stopped", "job": "exited", "worker:worker-0": "running"} {
		p.state(name, state)
	}
	p.sees("job mailer nocommand report web worker worker-0 worker-1 worker-2", "shown()")
	p.holds("up ", "cell('web', 'note')")
	p.sees("not started", "cell('report', 'note')")
	p.holds("exit status 4, ", "cell('job', 'note')")
	p.holds("Exited too quickly", "cell('mailer', 'note')")
	p.sees("3 of 3 running", "document.querySelector('.group .count').textContent")
	p.sees("shop-1", "document.getElementById('who').textContent")
	p.sees("(2) shop-1 – Supervisor Status", "document.title")
	p.holds(" %", "cell('web', 'cpu')")
	p.holds("B", "cell('web', 'mem')")
	p.sees("0", "cell('web', 'again')")
	p.sees("", "cell('report', 'mem')")
	p.shot("light")

	p.fill("filter", "ORKER-1")
	p.sees("worker worker-1", "shown()")
	p.fill("filter", "nosuch")
	p.sees("No program matches the filter", "document.getElementById('nothing').innerText")
	p.fill("filter", "")
	p.click("[data-chip=bad]")
	p.sees("job mailer", "shown()")
	p.click("[data-chip=idle]")
	p.sees("nocommand report", "shown()")
	p.click("[data-chip='']")
	p.click(".fold")
	p.sees("job mailer nocommand report web worker", "shown()")
	p.sees("false", "document.querySelector('.fold').getAttribute('aria-expanded')")

	strange := eval[[]string](p, `performance.getEntriesByType("resource").map((e) => e.name).filter((n) => !n.startsWith(location.origin))`)
	if len(strange) > 0 {
		t.Errorf("the page loads %q", strange)
	}
}

func pageActs(t *testing.T, b *browser) {
	s, url := newPageSup(t, pageConf)
	p := b.open(t, url)
	p.state("web", "running")
	eval[any](p, "window.loadedOnce = true")

	p.press("Stop web")
	p.state("web", "stopped")
	p.holds("stopped ", "cell('web', 'note')")
	s.waitState("web", "STOPPED")
	p.press("Start web")
	p.state("web", "running")
	old := s.waitPID("web")
	p.press("Restart web")
	s.waitNewPID("web", old)
	p.state("web", "running")
	p.press("Restart report") // which starts what is stopped
	p.state("report", "running")
	p.press("Stop report")
	p.state("report", "stopped")

	s.write2stdin("web", "one line")
	until(t, "the log of web is not empty", func() (string, bool) {
		r := s.ctl("tail", "web")
		return r.all(), strings.Contains(r.out, "one line")
	})
	p.press("Clear web")
	p.confirm("Clear the log of web?")
	until(t, "the log of web is empty", func() (string, bool) {
		r := s.ctl("tail", "web")
		return r.all(), strings.TrimSpace(r.out) == ""
	})

	workers := func(state string) {
		t.Helper()
		for i := range 3 {
			p.state(fmt.Sprintf("worker:worker-%d", i), state)
		}
	}
	p.press("Stop all of group worker")
	p.confirm("Stop 3 programs of worker?")
	workers("stopped")
	p.sees("0 of 3 running", "document.querySelector('.group .count').textContent")
	p.state("web", "running")
	p.press("Start all of group worker")
	p.confirm("Start 3 programs of worker?")
	workers("running")
	before := pids(s.status())
	p.press("Restart all of group worker")
	p.confirm("Restart 3 programs of worker?")
	for i := range 3 {
		s.waitNewPID(fmt.Sprintf("worker:worker-%d", i), before[fmt.Sprintf("worker:worker-%d", i)])
	}
	workers("running")
	p.press("Clear all of group worker")
	p.confirm("Clear the log of 3 programs of worker?")

	p.click("#all [data-do=stop]")
	p.sees("true", "document.getElementById('ask').open")
	p.keys(kb.Escape) // no, not now
	p.sees("false", "document.getElementById('ask').open")
	p.state("web", "running")
	p.click("#all [data-do=stop]")
	p.confirm("Stop all 8 programs?")
	workers("stopped")
	p.state("web", "stopped")
	p.click("#all [data-do=clear]")
	p.confirm("Clear the log of all 8 programs?")
	until(t, "the log of mailer is empty", func() (string, bool) {
		r := s.ctl("tail", "mailer", "stderr")
		return r.all(), strings.TrimSpace(r.out) == ""
	})
	s.must(0, "", "clear", "all")
	if got := eval[string](p, "notices()"); got != "" {
		t.Errorf("complaints: %s", got)
	}
	p.click("#all [data-do=start]")
	p.confirm("Start all 8 programs?")
	workers("running")
	p.holds("Could not start nocommand", "notices()")
	web := s.waitPID("web")
	p.click("#all [data-do=restart]")
	p.confirm("Restart all 8 programs?")
	s.waitNewPID("web", web)
	workers("running")
	if !eval[bool](p, "window.loadedOnce === true") {
		t.Error("the page was loaded anew")
	}
}

// write2stdin gives a program a line to read.
func (s *sup) write2stdin(name, line string) {
	s.t.Helper()
	bytes := base64.StdEncoding.EncodeToString([]byte(line + "\n"))
	r := s.ask(fmt.Sprintf(`{"method":"supervisor.sendProcessStdin","params":[%q,{"base64":%q}]}`, name, bytes))
	if !strings.Contains(r, `"result":true`) {
		s.t.Fatal(r)
	}
}

// ask sends one line of JSON and returns the answer.
func (s *sup) ask(line string) string {
	s.t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.path("s.sock"))
		},
	}}
	r, err := client.Post("http://localhost/ndjson", "application/x-ndjson", strings.NewReader(line+"\n"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func pageComplains(t *testing.T, b *browser) {
	s, url := newPageSup(t, pageConf)
	p := b.open(t, url)
	p.state("nocommand", "stopped")
	p.press("Start nocommand")
	p.holds("Could not start nocommand: there is no such file (NO_FILE: can't find command '/no/such/command')", "notices()")
	p.shot("notice")
	p.press("Dismiss")
	p.sees("", "notices()")

	p.state("mailer", "fatal")
	p.press("Start mailer")
	p.holds("mailer did not stay up: Exited too quickly", "notices()")
	p.holds("mailer is fatal: Exited too quickly", "document.getElementById('say').textContent")
	p.press("Dismiss")

	// What somebody else did first.
	s.signal(syscall.SIGSTOP)
	p.press("Stop web")
	stopped := background(s.ctlCommand("stop", "web"))
	s.signal(syscall.SIGCONT)
	<-stopped
	p.state("web", "stopped")
	p.press("Start web")
	p.state("web", "running")
	s.write(strings.ReplaceAll(strings.Replace(pageConf, "[program:report]", "[program:summary]", 1), "PORT", fmt.Sprint(portOf(t, url))))
	s.must(0, "report: removed process group", "update", "report", "summary")
	p.sees("job mailer nocommand summary web worker worker-0 worker-1 worker-2", "shown()")
}

func portOf(t *testing.T, url string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.Trim(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// traced makes the daemon's log name every call.
func traced(conf string) string {
	return strings.Replace(conf, "identifier=shop-1", "identifier=shop-1\nloglevel=trace", 1)
}

func pageFollows(t *testing.T, b *browser) {
	s, url := newPageSup(t, traced(pageConf))
	p := b.open(t, url)
	p.state("web", "running")
	s.must(0, "", "stop", "web")
	p.state("web", "stopped")
	s.must(0, "", "start", "web")
	p.state("web", "running")
	pid := s.waitPID("web")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.waitNewPID("web", pid)
	p.state("web", "running")
	p.sees("1", "cell('web', 'again')") // one restart that nobody asked for

	// Where nothing happens, nothing is asked but for what the programs use.
	calls := func(method string) int { return strings.Count(s.log(), "method called: supervisor."+method+"()") }
	usage, before := calls("getAllProcessUsage"), calls("getAllProcessInfo")+calls("getProcessInfo")
	until(t, "usage is asked for again", func() (string, bool) { n := calls("getAllProcessUsage"); return fmt.Sprint(n), n >= usage+3 })
	if after := calls("getAllProcessInfo") + calls("getProcessInfo"); after != before {
		t.Errorf("the page asked %d times for what had not changed", after-before)
	}
	if n := calls("followEvents"); n != 1 {
		t.Errorf("%d streams of events", n)
	}

	// A browser has six connections to a server, for all its tabs; what it
	// keeps of pages that were left, to come back to them, has none.
	began := time.Now()
	for i := range 8 {
		p.visit(fmt.Sprintf("%s?%d#log/web", url, i))
		p.sees("Live", "document.getElementById('link').textContent")
		p.holds("Following", "document.getElementById('log-state').textContent")
	}
	p.visit(url)
	p.state("web", "running")
	if took := time.Since(began); took > patience {
		t.Errorf("eight visits took %v: each waits for those before to be forgotten", took)
	}
	eval[any](p, `Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true }); document.dispatchEvent(new Event("visibilitychange"))`)
	p.sees("Asleep", "document.getElementById('link').textContent")
	s.must(0, "", "stop", "web")
	eval[any](p, `delete document.visibilityState; document.dispatchEvent(new Event("visibilitychange"))`)
	p.sees("Live", "document.getElementById('link').textContent")
	p.state("web", "stopped")
}

func pageLog(t *testing.T, b *browser) {
	s, url := newPageSup(t, pageConf)
	s.waitPID("web")
	s.write2stdin("web", "the first line")
	p := b.open(t, url)
	p.state("web", "running")
	p.press("Log web")
	p.sees("the first line", "lines().join()")
	p.sees("web", "document.activeElement.textContent")
	s.write2stdin("web", `<img src=x onerror="document.title='bad'"> & `+"\x1b[31mred\x1b[0m \x07 caf\xe9")
	p.sees(`<img src=x onerror="document.title='bad'"> & red ␇ caf`+"\uFFFD", "lines()[1]")
	p.holds("Following "+s.dir, "document.getElementById('log-state').textContent")

	for i := range 200 {
		s.write2stdin("web", fmt.Sprintf("line %d of many", i))
	}
	p.sees("line 199 of many", "lines().at(-1)")
	p.sees("true", "log.atEnd()")
	p.fill("find", "LINE 19")
	p.sees("11 lines", "document.getElementById('hits').textContent") // 19, 190 to 199
	p.sees("line 19", "document.querySelector('#lines mark').textContent")
	p.keys(kb.Enter)
	p.sees("1 of 11", "document.getElementById('hits').textContent")
	p.sees("line 19 of many", "document.querySelector('.here').textContent")
	p.keys(kb.Enter, chromedp.KeyModifiers(kb.ModifierShift))
	p.sees("11 of 11", "document.getElementById('hits').textContent")
	p.shot("search")
	p.click("#only")
	p.sees("11", "lines().length")
	p.click("#only")

	p.fill("find", "")
	p.click("#pause")
	s.write2stdin("web", "while it pauses")
	p.sees("Resume (1 new line)", "document.getElementById('pause').textContent")
	p.sees("line 199 of many", "lines().at(-1)")
	p.click("#pause")
	p.sees("while it pauses", "lines().at(-1)")
	eval[any](p, "document.getElementById('lines').scrollTop = 0")
	p.sees("false", "document.getElementById('end').hidden")
	s.write2stdin("web", "below")
	p.sees("below", "lines().at(-1)")
	p.sees("0", "document.getElementById('lines').scrollTop") // who reads is not disturbed
	p.click("#end")
	p.sees("true", "log.atEnd()")

	p.click("[data-tab=err]")
	p.sees("error: below", "lines().at(-1)")
	p.click("#panel [data-do=clear]")
	p.confirm("Clear the log of web?")
	p.sees("0", "lines().length")
	s.write2stdin("web", "after the clear")
	p.sees("error: after the clear", "lines().join()")
	p.press("Close")
	p.sees("true", "document.getElementById('panel').hidden")
	p.sees("Log web", "focused()") // where one came from

	p.click("#all [data-do=activity]")
	p.holds("supervisord started with pid", "lines().join()")
	p.keys(kb.Escape)
	p.sees("", "location.hash")
	p.visit(url + "?#log/" + "worker%3Aworker-1")
	p.sees("worker:worker-1", "document.getElementById('panel-name').textContent")
	p.holds("Following", "document.getElementById('log-state').textContent")
	p.visit(url + "?#log/nosuch")
	p.holds("there is no such program any more (BAD_NAME: nosuch)", "document.getElementById('log-state').textContent")
}

func pageWhy(t *testing.T, b *browser) {
	s, url := newPageSup(t, pageConf)
	p := b.open(t, url)
	p.state("mailer", "fatal")
	p.press("mailer, details")
	why := "document.getElementById('view-why').innerText"
	p.holds("cannot reach the smtp server", why)
	p.holds("exited with status 3", why)
	p.holds("/bin/sh -c", why)
	p.holds("backoff → fatal", why)
	p.shot("why")
	p.sees("true", "[...rows.values()].every((r) => performance.now() - r.swapped >= 500)")
	p.click("#panel [data-do=toggle]")
	p.holds("2, of which 0 by itself", why)
	p.click("[data-tab=log]")
	p.sees("Stdout of mailer", "document.getElementById('lines').getAttribute('aria-label')")
	p.keys(kb.Escape)
	p.sees("", "location.hash") // it goes back in the history, which takes its time
	p.press("web, details")
	p.sees("true", "document.getElementById('view-why').hidden") // it is well: its log is of more use
	p.click("[data-tab=why]")
	p.holds("starting → running", why)
	s.must(0, "", "stop", "web")
	p.holds("stopping → stopped", why)
}

func pageRestart(t *testing.T, b *browser) {
	s, url := newPageSup(t, pageConf)
	p := b.open(t, url)
	p.state("web", "running")
	s.must(0, "", "stop", "worker:*")
	p.state("worker:worker-0", "stopped")
	eval[any](p, "window.loadedOnce = true")
	eval[any](p, `document.querySelector('[aria-label="Log report"]').focus()`)

	// One in place, as on HUP.
	s.must(0, "Restarted supervisord", "reload")
	p.state("worker:worker-0", "running")
	p.sees("Live", "document.getElementById('link').textContent")

	// One that takes a while.
	s.terminate()
	p.holds("What is shown may be old.", "document.getElementById('lost').innerText")
	p.sees("Not connected", "document.getElementById('link').textContent")
	p.sees("true", "document.getElementById('table').classList.contains('stale')")
	p.shot("lost")
	p.press("Restart web")
	p.holds("Could not restart web: supervisord cannot be reached", "notices()")
	p.press("Dismiss")
	eval[any](p, `document.querySelector('[aria-label="Log report"]').focus()`)
	conf := strings.Replace(readFile(t, s.conf), "[program:report]", "[program:another]\ncommand=/bin/cat\n[program:report]", 1)
	writeFile(t, s.conf, conf, 0o644)
	s.start()
	p.sees("Live", "document.getElementById('link').textContent")
	p.sees("true", "document.getElementById('lost').hidden")
	p.sees("another job mailer nocommand report web worker worker-0 worker-1 worker-2", "shown()")
	p.state("another", "running")
	p.sees("Log report", "focused()")

	// One under an open log.
	s.write2stdin("web", "before the restart")
	p.press("Log web")
	p.sees("before the restart", "lines().at(-1)")
	s.terminate()
	p.holds("The log cannot be followed", "document.getElementById('log-state').textContent")
	s.start()
	s.waitPID("web")
	s.write2stdin("web", "after the restart")
	p.sees("after the restart", "lines().at(-1)")
	p.sees("before the restart,after the restart", "lines().slice(-2).join()")
	if !eval[bool](p, "window.loadedOnce === true") {
		t.Error("the page was loaded anew")
	}
}
