package conf

import (
	"fmt"
	"testing"
)

func TestCompare(t *testing.T) {
	const base = "[supervisord]\n[program:p]\ncommand=x\n"
	const fcgi = "[supervisord]\n[fcgi-program:f]\ncommand=x\nsocket=unix:///s\n"
	const pool = "[supervisord]\n[eventlistener:e]\ncommand=x\nevents=TICK_5,EVENT\n"
	for _, tt := range []struct{ name, old, new, want string }{
		{"nothing", base, base, "{[] [] []}"},
		{"one more", base, base + "[program:q]\ncommand=x\n[program:a]\ncommand=x\n", "{[a q] [] []}"},
		{"one less", base, "[supervisord]\n", "{[] [] [p]}"},
		{"a command", base, base + "command=y\n", "{[] [p] []}"},
		{"a default that is written out", base, base + "autostart=true\nexitcodes=0\nenvironment=\n", "{[] [] []}"},
		{"the number of processes", base, base + "numprocs=2\nprocess_name=%(process_num)d\n", "{[] [p] []}"},
		{"exit codes", base, base + "exitcodes=0,2\n", "{[] [p] []}"},
		{"a user", base, base + "user=web\n", "{[] [p] []}"},
		{"a user by number", base + "user=33\n", base + "user=web\n", "{[] [] []}"},
		{"a user's number", base + "user=0\n", base + "user=web\n", "{[] [p] []}"},
		{"the environment of all", base, "[supervisord]\nenvironment=A=1\n[program:p]\ncommand=x\n", "{[] [p] []}"},
		{"an explicit log that becomes automatic", base + "stdout_logfile=/tmp/x\n", base, "{[] [p] []}"},
		{"a priority", base, base + "priority=1\n", "{[] [p] []}"},
		{"another kind of the same name", base, "[supervisord]\n[program:q]\ncommand=x\n[group:p]\nprograms=q\n", "{[] [p] []}"},
		{"keys of the daemon", base, "[supervisord]\nstrip_ansi=true\nidentifier=x\n[program:p]\ncommand=x\n", "{[] [] []}"},
		{"events in another order", pool, pool + "events=EVENT,TICK_5\n", "{[] [] []}"},
		{"other events", pool, pool + "events=EVENT\n", "{[] [e] []}"},
		{"a buffer", pool, pool + "buffer_size=11\n", "{[] [e] []}"},
		{"a socket", fcgi, fcgi + "socket=unix:///t\n", "{[] [f] []}"},
		{"a socket's owner", fcgi, fcgi + "socket_owner=web\n", "{[] [f] []}"},
		{"a socket's mode", fcgi, fcgi + "socket_mode=0777\n", "{[] [f] []}"},
		{"a socket's backlog", fcgi, fcgi + "socket_backlog=1\n", "{[] [f] []}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, after := mustLoad(t, tt.old), mustLoad(t, tt.new)
			if got := fmt.Sprint(Compare(before.Groups, after.Groups)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
