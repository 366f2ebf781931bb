package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// told is one event as a listener of ours (testprog listen) has written it down.
type told struct {
	listener int               // its pid
	header   map[string]string // the words of the header
	keys     string            // the order of the words
	name     string
	payload  string
}

// number returns a number in the header.
func (e told) number(t testing.TB, key string) int {
	t.Helper()
	n, err := strconv.Atoi(e.header[key])
	if err != nil {
		t.Fatalf("%s in %v: %v", key, e.header, err)
	}
	return n
}

// word returns a value of the first line of the payload.
func (e told) word(key string) string {
	line, _, _ := strings.Cut(e.payload, "\n")
	for word := range strings.FieldsSeq(line) {
		if k, v, _ := strings.Cut(word, ":"); k == key {
			return v
		}
	}
	return ""
}

// events reads what a listener has written down so far.
func (s *sup) events(file string) (all []told) {
	s.t.Helper()
	for line := range strings.Lines(readFile(s.t, s.path(file))) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written
		}
		head, quoted, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ` "`)
		payload, err := strconv.Unquote(`"` + quoted)
		if !ok || err != nil {
			s.t.Fatalf("%s: not an event: %q: %v", file, line, err)
		}
		pid, head, _ := strings.Cut(head, " ")
		e := told{header: map[string]string{}, payload: payload}
		if e.listener, err = strconv.Atoi(pid); err != nil {
			s.t.Fatal(err)
		}
		var keys []string
		for word := range strings.FieldsSeq(head) {
			key, value, _ := strings.Cut(word, ":")
			e.header[key] = value
			keys = append(keys, key)
		}
		e.keys, e.name = strings.Join(keys, " "), e.header["eventname"]
		all = append(all, e)
	}
	return all
}

// waitEvent waits until a listener was told of an event whose name and payload
// match a pattern, so many times.
func (s *sup) waitEvent(file, pattern string, times int) {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	until(s.t, fmt.Sprintf("%d events that match %q in %s", times, pattern, file), func() (string, bool) {
		s.running()
		n, saw := 0, ""
		for _, e := range s.events(file) {
			text := e.name + " " + e.payload
			saw += text + "\n"
			if re.MatchString(text) {
				n++
			}
		}
		return saw, n >= times
	})
}

// beside plays a story under the original and under what is tested, and requires
// that look tells the same of both when they have ended.
func beside(t *testing.T, conf string, story func(s *sup), look func(s *sup) string) {
	t.Helper()
	theirs := filepath.Dir(needProgram(t, "supervisord"))
	oursOnly(t, "it would stand beside itself")
	var got [2]string
	for i, bin := range []string{theirs, ""} {
		s := newSup(t, "")
		s.bin = bin
		s.write(conf)
		s.start()
		story(s)
		s.terminate()
		got[i] = look(s)
		if t.Failed() {
			return
		}
	}
	if got[0] != got[1] {
		t.Errorf("the listener was told by the original:\n%s\nby ours:\n%s", got[0], got[1])
	}
}

var pidWord = regexp.MustCompile(`\bpid:[1-9][0-9]*`)

// bySubject words events, those of each process or group by themselves: between them the
// order is a matter of luck. The pids of each become #1, #2 and so on.
func bySubject(all []told) string {
	order, lines := []string{}, map[string][]string{}
	for _, e := range all {
		subject := e.word("groupname") + ":" + e.word("processname")
		if e.word("groupname") == "" {
			subject = ""
		}
		if lines[subject] == nil {
			order = append(order, subject)
		}
		lines[subject] = append(lines[subject], fmt.Sprintf("%s %q", e.name, e.payload))
	}
	slices.Sort(order)
	var out strings.Builder
	for _, subject := range order {
		pids := map[string]int{}
		for _, line := range lines[subject] {
			out.WriteString(pidWord.ReplaceAllStringFunc(line, func(pid string) string {
				if pids[pid] == 0 {
					pids[pid] = len(pids) + 1
				}
				return fmt.Sprintf("pid:#%d", pids[pid])
			}) + "\n")
		}
	}
	return out.String()
}

// checkHeaders requires what holds of the headers of every listener: the words
// and their order, the length, and serials that count.
func checkHeaders(t testing.TB, s *sup, pool string, all []told) {
	t.Helper()
	const keys = "ver server serial pool poolserial eventname len"
	serial := -1
	for i, e := range all {
		if e.keys != keys || e.header["ver"] != "3.0" || e.header["server"] != "supervisor" || e.header["pool"] != pool {
			t.Errorf("%s: header %v with the words %q, want %q", s.bin, e.header, e.keys, keys)
		}
		if n := e.number(t, "len"); n != len([]rune(e.payload)) {
			t.Errorf("%s: len is %d of %q", s.bin, n, e.payload)
		}
		if n := e.number(t, "poolserial"); n != i {
			t.Errorf("%s: poolserial is %d of event %d of the pool", s.bin, n, i)
		}
		n := e.number(t, "serial")
		if n <= serial {
			t.Errorf("%s: serial %d after %d", s.bin, n, serial)
		}
		serial = n
	}
}

// xmlrpc calls a method with strings, in the way that every server understands.
func (s *sup) xmlrpc(method string, args ...string) string {
	s.t.Helper()
	body := "<?xml version='1.0'?><methodCall><methodName>" + method + "</methodName><params>"
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	for _, a := range args {
		body += "<param><value><string>" + escape.Replace(a) + "</string></value></param>"
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", s.path("s.sock"))
		},
	}}
	resp, err := client.Post("http://localhost/RPC2", "text/xml", strings.NewReader(body+"</params></methodCall>"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s %v\n%s", method, resp.Status, err, answer)
	}
	return string(answer)
}
