package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/xmlrpc"
)

func shown(p api.LogPiece) string {
	return fmt.Sprintf("%s %s %q %d %s", p.Namespec(), p.Channel, p.Data, p.Missed, p.Fault)
}

func TestLogsOfManyInOneStream(t *testing.T) {
	url := listen(t, answering(map[string]string{
		"supervisor.followLogs": `{"id":ID,"data":{"group":"g","name":"a","channel":"stdout","data":"one\n"}}` + "\n" +
			`{"id":ID,"data":{"group":"b","name":"b","channel":"stderr","data":{"base64":"/w=="}}}` + "\n" +
			`{"id":ID,"data":{"group":"b","name":"b","channel":"stderr","missed":5}}` + "\n" +
			`{"id":ID,"data":{"group":"c","name":"c","channel":"stdout","fault":"NO_FILE"}}` + "\n" + `{"id":ID,"result":true}`,
		"supervisor.followProcessLog": `{"id":ID,"data":"half"}` + "\n" + `{"id":ID,"data":"\n"}` + "\n" + `{"id":ID,"result":true}`,
	}))
	c := newClient(t, url, Options{})
	var got []string
	err := c.Logs(t.Context(), LogsQuery{}, func(p api.LogPiece) error { got = append(got, shown(p)); return nil })
	want := []string{`g:a stdout "one\n" 0 `, `b stderr "\xff" 0 `, `b stderr "" 5 `, `c stdout "" 0 NO_FILE`}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	broken := errors.New("broken")
	if err := c.Logs(t.Context(), LogsQuery{}, func(api.LogPiece) error { return broken }); !strings.Contains(fmt.Sprint(err), "broken") {
		t.Errorf("got %v", err)
	}
	if text, err := c.ProcessEnd(t.Context(), "a", api.Stdout, 9); string(text) != "half\n" || err != nil {
		t.Errorf("the end: got %q, %v", text, err)
	}
}

// separateServer is an original whose second process appears late.
func separateServer(t *testing.T) (url string, late *atomic.Bool) {
	late = new(atomic.Bool)
	texts := map[string]string{"a": "one\ntwo\nthree\n", "long": strings.Repeat("a line\n", 200), "fresh": ""}
	h := http.NewServeMux()
	h.HandleFunc("POST /RPC2", func(w http.ResponseWriter, r *http.Request) {
		call, err := decodeCall(r.Body)
		if err != nil {
			t.Errorf("call: %v", err)
		}
		var answer any = "3.0"
		switch call.Method {
		case "supervisor.getAllProcessInfo":
			all := []api.ProcessInfo{
				{Name: "a", Group: "a", Start: 1, StdoutLogfile: "/a.log"}, {Name: "long", Group: "g", Start: 1, StdoutLogfile: "/l.log"},
				{Name: "fresh", Group: "g", Start: 1, StdoutLogfile: "/f.log"}, {Name: "gone", Group: "g", Start: 1, StdoutLogfile: "/gone.log"},
			}
			if late.Load() {
				all = append(all, api.ProcessInfo{Name: "late", Group: "g", Start: 1, StdoutLogfile: "/late.log"})
			}
			answer = all
		case "supervisor.readProcessStdoutLog":
			name := strings.TrimPrefix(call.Params[0].(string), "g:")
			text, ok := texts[name]
			switch offset := -int(call.Params[1].(int64)); {
			case name == "late":
				answer = "x"
			case !ok:
				w.Write(xmlrpc.EncodeFault(20, "NO_FILE: /gone.log"))
				return
			default:
				answer = text[max(0, len(text)-offset):]
			}
		}
		b, _ := encodeResponse(answer)
		w.Write(b)
	})
	h.HandleFunc("/logtail/", func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(strings.Split(r.URL.Path, "/")[2], "g:")
		text := texts[name]
		fmt.Fprint(w, text[max(0, len(text)-1024):])
		w.(http.Flusher).Flush()
		if name == "late" {
			fmt.Fprint(w, "1\n2\n3\n4\n")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	h.HandleFunc("/ndjson", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "bad", http.StatusBadRequest) })
	return serveHTTP(t, h), late
}

func TestLogsOfTheOriginalAreTakenOneByOne(t *testing.T) {
	url, late := separateServer(t)
	c := newClient(t, url, Options{})
	var got []string
	add := func(p api.LogPiece) error { got = append(got, shown(p)); return nil }
	if err := c.Logs(t.Context(), LogsQuery{Lines: 2, Once: true}, add); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`a stdout "two\nthree\n" 0 `, `a stderr "" 0 NO_FILE`, `g:long stdout "a line\na line\n" 0 `, `g:long stderr "" 0 NO_FILE`,
		`g:fresh stdout "" 0 `, `g:fresh stderr "" 0 NO_FILE`, `g:gone stdout "" 0 NO_FILE: /gone.log`, `g:gone stderr "" 0 NO_FILE`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("once:\ngot  %q\nwant %q", got, want)
	}
	if got = nil; c.Logs(t.Context(), LogsQuery{Lines: 200, Once: true, Channel: api.Stdout, Names: []string{"g:long"}}, add) != nil || len(got) != 1 ||
		strings.Count(got[0], "a line") != 200 {
		t.Errorf("all lines of one: got %q", got)
	}
	if text, err := c.ProcessEnd(t.Context(), "a", api.Stdout, 9); text != nil || api.AsFault(err).Code != api.NoFile {
		t.Errorf("the end: got %q, %v", text, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	lines := map[string]string{}
	err := c.Logs(ctx, LogsQuery{Lines: 2, Channel: api.Stdout}, func(p api.LogPiece) error {
		lines[p.Name] += string(p.Data)
		late.Store(len(lines) >= 3) // now it is there
		if lines["late"] == "1\n2\n3\n4\n" {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if lines["a"] != "two\nthree\n" || lines["long"] != "a line\na line\n" || lines["fresh"] != "" || lines["gone"] != "" {
		t.Errorf("got %q", lines)
	}
}

func TestLastLines(t *testing.T) {
	for _, row := range []struct {
		name, text string
		n          int64
		cut        bool
		want       string
	}{
		{"none", "a\nb\n", 0, false, ""},
		{"one", "a\nb\n", 1, false, "b\n"},
		{"one that has not ended", "a\nb", 1, false, "b"},
		{"all", "a\nb\n", 2, false, "a\nb\n"},
		{"more", "a\nb\n", 3, false, "a\nb\n"},
		{"of nothing", "", 3, false, ""},
		{"of a text whose head is missing", "a\nb\n", 3, true, "b\n"},
		{"of the end of a line", "end\n", 3, true, "end\n"},
		{"empty lines", "\n\n\n", 2, false, "\n\n"},
	} {
		if got := string(lastLines([]byte(row.text), row.n, row.cut)); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}
