package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSocketsOfPrograms(t *testing.T) {
	c := mustLoad(t, `[supervisord]
[fcgi-program:a]
command=a
socket=unix:///tmp/../run/%(program_name)s.sock
user=web
[fcgi-program:b]
command=b
socket=tcp://LocalHost:9000
socket_backlog=5
numprocs=2
process_name=%(process_num)d
[fcgi-program:c]
command=c
socket=unix:///c
socket_owner=web:adm
socket_mode=0770
[fcgi-program:d]
command=d
[group:g]
programs=c,d
`)
	want := map[string]string{
		"a": "{URL:unix:///run/a.sock Family:unix Path:/run/a.sock Host: Port:0 Backlog:0 Mode:448 Owner:[33 34]}",
		"0": "{URL:tcp://localhost:9000 Family:tcp Path: Host:localhost Port:9000 Backlog:5 Mode:448 Owner:nil}",
		"1": "{URL:tcp://localhost:9000 Family:tcp Path: Host:localhost Port:9000 Backlog:5 Mode:448 Owner:nil}",
		"c": "{URL:unix:///c Family:unix Path:/c Host: Port:0 Backlog:0 Mode:504 Owner:[33 4]}",
		"d": "none",
	}
	for _, g := range c.Groups {
		for _, p := range g.Programs {
			got := "none"
			if s := p.Socket; s != nil {
				owner := "nil"
				if s.Owner != nil {
					owner = fmt.Sprint(*s.Owner)
				}
				got = fmt.Sprintf("{URL:%s Family:%s Path:%s Host:%s Port:%d Backlog:%d Mode:%d Owner:%s}", s.URL, s.Family, s.Path, s.Host, s.Port, s.Backlog, s.Mode, owner)
			}
			if got != want[p.Name] {
				t.Errorf("%s: got %s\nwant %s", p.Name, got, want[p.Name])
			}
		}
	}
	if got := notesOf(c); got != "WARN For [fcgi-program:d], the program has no socket: [fcgi-program:d] section requires a \"socket\" line\n" {
		t.Errorf("got notes %s", got)
	}
	b, _ := slices.BinarySearchFunc(c.Groups, "b", func(g *Group, n string) int { return strings.Compare(g.Name, n) })
	if ps := c.Groups[b].Programs; ps[0].Socket != ps[1].Socket {
		t.Error("the processes of one section have each a socket of its own")
	}
}

func TestHTTPServersAndTheURLOfChildren(t *testing.T) {
	for _, tt := range []struct{ name, text, url string }{
		{"none", "", ""},
		{"the last inet server", "[inet_http_server]\nport=1\n[inet_http_server:b]\nport=Host:2\n", "http://host:2"},
		{"an inet server everywhere", "[inet_http_server]\nport=*:1\n", "http://localhost:1"},
		{"the first unix server", "[unix_http_server:a]\nfile=~/a\n[unix_http_server:b]\nfile=/b\n[inet_http_server]\nport=1\n", "unix:///root/a"},
	} {
		c := mustLoad(t, "[supervisord]\n"+tt.text)
		if c.Server.ServerURL != tt.url {
			t.Errorf("%s: got %s, want %s", tt.name, c.Server.ServerURL, tt.url)
		}
		for i, s := range c.HTTP {
			if i > 0 && s.Family == Inet && c.HTTP[i-1].Family == Unix {
				t.Errorf("%s: an inet server stands after a unix one", tt.name)
			}
		}
	}
}

func TestServerURLOfAProgram(t *testing.T) {
	for value, want := range map[string]string{"AUTO": " false", "auto": " false", "": " true", "http://x": "http://x false"} {
		p := mustLoad(t, "[supervisord]\n[program:p]\ncommand=x\nserverurl="+value+"\n").Groups[0].Programs[0]
		if got := fmt.Sprint(p.ServerURL, " ", p.NoServerURL); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}
