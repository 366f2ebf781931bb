package daemon

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"gosupervisor/conf"
)

func TestOptionsWinOverTheFile(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		ok   func(*conf.Server) bool
	}{
		{"nodaemon", []string{"-n"}, func(s *conf.Server) bool { return s.Nodaemon }},
		{"silent", []string{"--silent"}, func(s *conf.Server) bool { return s.Silent }},
		{"a unique prefix", []string{"--noda"}, func(s *conf.Server) bool { return s.Nodaemon }},
		{"bundled flags", []string{"-nk"}, func(s *conf.Server) bool { return s.Nodaemon && s.NoCleanup }},
		{"umask", []string{"-m", "027"}, func(s *conf.Server) bool { return s.Umask == 0o27 }},
		{"directory", []string{"-d", dir}, func(s *conf.Server) bool { return s.Directory == dir }},
		{"childlogdir", []string{"--childlogdir=" + dir}, func(s *conf.Server) bool { return s.ChildLogDir == dir }},
		{"logfile", []string{"-l", dir + "/./l"}, func(s *conf.Server) bool { return s.Logfile == dir+"/l" }},
		{"syslog", []string{"-l", "syslog"}, func(s *conf.Server) bool { return s.Logfile == "syslog" }},
		{"a bare logfile is in the working directory", []string{"-l", "here.log"},
			func(s *conf.Server) bool { return filepath.IsAbs(s.Logfile) && filepath.Base(s.Logfile) == "here.log" }},
		{"pidfile", []string{"-j", dir + "/p"}, func(s *conf.Server) bool { return s.Pidfile == dir+"/p" }},
		{"logfile_maxbytes", []string{"-y", "2MB"}, func(s *conf.Server) bool { return s.LogfileMaxBytes == 2<<20 }},
		{"logfile_backups", []string{"-z", "3"}, func(s *conf.Server) bool { return s.LogfileBackups == 3 }},
		{"loglevel", []string{"-e", "DEBUG"}, func(s *conf.Server) bool { return s.Loglevel == conf.Debug }},
		{"identifier", []string{"-i", "me"}, func(s *conf.Server) bool { return s.Identifier == "me" }},
		{"minfds and minprocs", []string{"-a", "5", "--minprocs", "6"}, func(s *conf.Server) bool { return s.MinFDs == 5 && s.MinProcs == 6 }},
		{"strip_ansi", []string{"-t"}, func(s *conf.Server) bool { return s.StripANSI }},
		{"user", []string{"-u", "root"}, func(s *conf.Server) bool { return s.User != nil && s.User.UID == 0 }},
		{"a profiler's options are ignored", []string{"--profile_options=calls"}, func(*conf.Server) bool { return true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := parseOptions(c.args, nil)
			if err != nil {
				t.Fatal(err)
			}
			cfg := &conf.Config{}
			o.apply(cfg)
			if !c.ok(&cfg.Server) {
				t.Errorf("got %+v", cfg.Server)
			}
		})
	}
}

func TestBadOptionsSayWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"an unknown flag", []string{"-Z"}, "option -Z not recognized"},
		{"an unknown word", []string{"--foo"}, "option --foo not recognized"},
		{"an ambiguous prefix", []string{"--lo"}, "option --lo not a unique prefix"},
		{"a missing argument", []string{"-c"}, "option -c requires argument"},
		{"an argument too many", []string{"--nodaemon=1"}, "option --nodaemon must not have an argument"},
		{"no command", []string{"-n", "--"}, "no command to run: write it behind the --"},
		{"a word", []string{"-n", "foo"}, "positional arguments are not supported: ['foo']"},
		{"a flag twice", []string{"-n", "-n"}, "conflicting command line option '-n'"},
		{"a flag in both spellings", []string{"-n", "--nodaemon"}, "conflicting command line option '--nodaemon'"},
		{"a bad level", []string{"-e", "foo"}, "invalid value for -e 'foo': bad logging level name 'foo'"},
		{"a bad umask", []string{"-m", "9"}, "invalid value for -m '9': 9 can not be converted to an octal type"},
		{"a missing directory", []string{"-d", "/nonexistent"}, "invalid value for -d '/nonexistent': /nonexistent is not an existing directory"},
		{"an unknown user", []string{"-u", "nosuchuser"}, "Invalid user name nosuchuser"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parseOptions(c.args, nil); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestHelpStandsBeforeABadValue(t *testing.T) {
	o, err := parseOptions([]string{"-h", "-e", "foo"}, nil)
	if err != nil || !o.showHelp {
		t.Errorf("got %+v, %v", o, err)
	}
	if _, err := parseOptions([]string{"-h", "--foo"}, nil); err == nil {
		t.Error("an unknown option was not found first")
	}
	var b bytes.Buffer
	help(&b, "/usr/bin/supervisord")
	first, rest, _ := strings.Cut(b.String(), "\n")
	if first != "supervisord -- run a set of applications as daemons." || !strings.Contains(rest, "Usage: /usr/bin/supervisord [options]\n") {
		t.Errorf("got %q", b.String())
	}
	for _, long := range longOptions {
		if name := strings.Trim(long, "+="); !strings.Contains(rest, "--"+name) && name != "nodaemon" {
			t.Errorf("the help does not name --%s", name)
		}
	}
}
