package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is a Chromium for tests of the page, one for all of them.
type browser struct{ ctx context.Context }

// newBrowser starts one. It ends with the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox,
		chromedp.ExecPath(needProgram(t, "chromium", "chromium-browser", "google-chrome")),
		chromedp.UserDataDir(filepath.Join(shortDir(t), "profile")),
		chromedp.Env(marker+"="+runMarker+".browser"))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() { cancel(); stop(); killMarked(t, runMarker+".browser") })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	return &browser{ctx}
}

// tab is a page that is open.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	messages []string // of its console, but for those about the network
}

// finder is in every page: what programs it shows, and how.
const finder = `const row = (name) => [...document.querySelectorAll("tbody tr")].find((tr) => tr.querySelector(".name button")?.getAttribute("aria-label") === name + ", details");
const cell = (name, part) => row(name)?.querySelector("." + part).textContent ?? "none";
const shown = () => [...document.querySelectorAll("tbody tr")].filter((tr) => tr.offsetParent).map((tr) => tr.querySelector(".text").textContent).join(" ");
const lines = () => [...document.querySelectorAll("#lines > div")].filter((line) => line.offsetParent).map((line) => line.textContent);
const notices = () => [...document.querySelectorAll(".notice")].map((n) => n.innerText).join("|");
const focused = () => document.activeElement.getAttribute("aria-label") || document.activeElement.id || document.activeElement.textContent.trim();
`

// open opens a page in a tab of its own. The test fails if it has an error or
// wants something that its policy forbids.
func (b *browser) open(t *testing.T, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	p := &tab{t: t, ctx: ctx}
	console := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range console {
			if err != nil {
				return
			}
			if m.Source != "network" && m.Type != "debug" {
				p.mu.Lock()
				p.messages = append(p.messages, m.String())
				p.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			p.shot("failed")
			t.Logf("text of the page:\n%s", eval[string](p, "document.body.innerText"))
		}
		cancel()
		<-done
		if len(p.messages) > 0 {
			t.Errorf("the console of the page: %q", p.messages)
		}
	})
	p.size(1280, 900, false)
	p.scheme("light")
	p.visit(url)
	return p
}

func (p *tab) visit(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
	eval[any](p, "window."+strings.NewReplacer("const ", "", "\n", "\nwindow.").Replace(strings.TrimSpace(finder)))
}

// do performs actions, in bounded time.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// eval returns what an expression is in the page.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := ask[T](p, expression)
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func ask[T any](p *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
}

// sees waits until an expression has a value, as text.
func (p *tab) sees(want, expression string) {
	p.t.Helper()
	p.look(fmt.Sprintf("%s is %q", expression, want), expression, func(got string) bool { return got == want })
}

// holds waits until an expression has a text in it.
func (p *tab) holds(part, expression string) {
	p.t.Helper()
	p.look(fmt.Sprintf("%s holds %q", expression, part), expression, func(got string) bool { return strings.Contains(got, part) })
}

// look waits until what an expression is as text is right. A page that gives way
// to the next one takes with it what was being asked of it: that is asked again.
func (p *tab) look(what, expression string, right func(got string) bool) {
	p.t.Helper()
	until(p.t, what, func() (string, bool) {
		got, err := ask[string](p, "Promise.resolve("+expression+").then(String)")
		if gone := (*cdproto.Error)(nil); errors.As(err, &gone) && gone.Code == -32000 {
			return err.Error(), false
		}
		if err != nil {
			p.t.Fatalf("%s: %v", expression, err)
		}
		return tail(got), right(got)
	})
}

// state waits until the page shows a program in a state.
func (p *tab) state(name, want string) {
	p.t.Helper()
	p.sees(want, fmt.Sprintf("cell(%q, 'pill')", name))
}

// press clicks on a button, by the name that it has for those who do not see
// it, as soon as the page takes that for meant.
func (p *tab) press(label string) {
	p.t.Helper()
	p.sees("true", "[...rows.values()].every((r) => performance.now() - r.swapped >= 500)")
	p.click(fmt.Sprintf("[aria-label=%q]", label))
}

// click clicks where a person would, on the first element that matches.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// confirm answers the question that is asked.
func (p *tab) confirm(question string) {
	p.t.Helper()
	p.sees(question, "document.getElementById('ask').open && document.getElementById('ask-text').textContent")
	p.click("#ask-yes")
}

// keys presses keys, one after the other.
func (p *tab) keys(keys string, modifiers ...chromedp.KeyOption) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys, modifiers...))
}

// fill types into a field.
func (p *tab) fill(id, text string) {
	p.t.Helper()
	eval[any](p, fmt.Sprintf("document.getElementById(%q).select()", id))
	if text == "" {
		p.keys("\b")
		return
	}
	p.keys(text)
}

// heard returns what a screen reader has of the page: role and name.
func (p *tab) heard() []string {
	p.t.Helper()
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		p.t.Fatal(err)
	}
	text := func(v *accessibility.Value) string {
		if v == nil {
			return ""
		}
		return strings.Trim(string(v.Value), `"`)
	}
	var all []string
	for _, n := range tree.Nodes {
		if !n.Ignored {
			all = append(all, text(n.Role)+" "+text(n.Name))
		}
	}
	return all
}

func (p *tab) size(width, height int64, phone bool) {
	p.t.Helper()
	params := emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: phone}
	if _, err := chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, params); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) scheme(name string) {
	p.t.Helper()
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, params); err != nil {
		p.t.Fatal(err)
	}
}

// shot keeps a picture of the page in the directory PAGE_SHOTS, if there is
// one.
func (p *tab) shot(name string) {
	p.t.Helper()
	dir := os.Getenv("PAGE_SHOTS")
	if dir == "" {
		return
	}
	pause(400 * time.Millisecond) // what fades in or out does so for less
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		name = strings.NewReplacer("/", "_").Replace(p.t.Name() + "-" + name + ".png")
		err = os.WriteFile(filepath.Join(dir, name), picture, 0o644)
	}
	if err != nil {
		p.t.Errorf("no picture: %v", err)
	}
}
