package conf

import (
	"fmt"
	"strings"
	"testing"
)

// thousandPrograms is a large configuration.
func thousandPrograms() string {
	var text strings.Builder
	text.WriteString("[supervisord]\nenvironment=A=\"1\",B=\"2\"\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "[program:p%03d]\ncommand=/usr/bin/worker --queue=%%(program_name)s --home=%%(ENV_HOME)s\n"+
			"directory=/tmp\nuser=web\nautorestart=true\nenvironment=QUEUE=\"%%(program_name)s\",MODE=\"fast\"\n"+
			"stdout_logfile=/var/log/%%(program_name)s.log\nredirect_stderr=true ; one file for both\n\n", i)
	}
	return text.String()
}

func BenchmarkLoadThousandPrograms(b *testing.B) {
	h := machine(map[string]string{"/c/s.conf": thousandPrograms()})
	for b.Loop() {
		c, err := Load("/c/s.conf", h)
		if err != nil || len(c.Groups) != 1000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadCtlBesideThousandPrograms(b *testing.B) {
	h := machine(map[string]string{"/c/s.conf": thousandPrograms() + "[supervisorctl]\nserverurl=unix:///s\n"})
	b.ReportAllocs()
	for b.Loop() {
		c, err := LoadCtl("/c/s.conf", h)
		if err != nil || c.ServerURL != "unix:///s" {
			b.Fatal(err)
		}
	}
}
