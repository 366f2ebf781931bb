package conf

import (
	"strings"
	"testing"
)

func TestLogRing(t *testing.T) {
	const refused = "not a size from 0 to 64MB: "
	for _, tt := range []struct {
		name, text string
		want       int
		refused    string
	}{
		{"by default", "[program:p]\ncommand=x\n", 64 << 10, ""},
		{"bytes", "[program:p]\ncommand=x\nlog_ring=100\n", 100, ""},
		{"a size", "[program:p]\ncommand=x\nlog_ring=2MB\n", 2 << 20, ""},
		{"off", "[program:p]\ncommand=x\nlog_ring=0\n", 0, ""},
		{"the most", "[program:p]\ncommand=x\nlog_ring=64MB\n", 64 << 20, ""},
		{"more than that", "[program:p]\ncommand=x\nlog_ring=65MB\n", 0, refused + "'65MB'"},
		{"less than nothing", "[program:p]\ncommand=x\nlog_ring=-1\n", 0, refused + "'-1'"},
		{"no size", "[program:p]\ncommand=x\nlog_ring=big\n", 0, "invalid literal for int() with base 10: 'big'"},
		{"for all programs", "[program-defaults]\nlog_ring=8KB\n[program:p]\ncommand=x\n", 8 << 10, ""},
		{"of a listener", "[eventlistener:p]\ncommand=x\nevents=EVENT\nlog_ring=1KB\n", 1 << 10, ""},
		{"of a FastCGI program", "[fcgi-program:p]\ncommand=x\nsocket=tcp://h:1\nlog_ring=1KB\n", 1 << 10, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := loadString("[supervisord]\n" + tt.text)
			if tt.refused != "" {
				le, ok := err.(*LoadError)
				if !ok || !strings.HasPrefix(le.First(), tt.refused) {
					t.Errorf("got %v, want %q", err, tt.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.Groups[0].Programs[0].LogRing; got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
