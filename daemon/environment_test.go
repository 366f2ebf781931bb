package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosupervisor/ctl/api"
)

// environ runs a program that prints its environment, and returns it sorted.
func (s *supervisor) environ(name string) []string {
	s.t.Helper()
	s.waitFor(name, "EXITED")
	text := string(s.call(api.ReadProcessLog{Name: name, Channel: api.Stdout}).(api.Bytes))
	list := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	slices.Sort(list)
	return list
}

func TestFilesMakeTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.env":     "# comment\nFILE=file\nDIR=file\nONE=file\nOWN=file\nexport QUOTED=\"$HOME %(x)s\"\nHERE\nSUPERVISOR_PROCESS_NAME=other\nDROP_A=1\n",
		"b.env":     "FILE=second\n",
		"dir/DIR":   "dir\n",
		"dir/ONE":   "dir\n",
		"dir/OWN":   "dir\n",
		"one":       "one\n",
		"dir/.skip": "x",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HERE", "inherited")
	t.Setenv("FILE", "inherited")
	t.Setenv("LC_TEST", "C")
	t.Setenv("DROP_B", "1")
	const told = "SUPERVISOR_ENABLED=1"
	sources := strings.ReplaceAll("env_file=DIR/a.env,DIR/b.env,-DIR/none\nenv_dir=DIR/dir\nenv_from_file=ONE=DIR/one,OWN=DIR/one\nenv_unset=DROP_*\n", "DIR", dir)
	s := supervise(t, `environment=OWN="environment",DROP_C=1
[program-defaults]
command=/usr/bin/env
startsecs=0
autorestart=false
`+sources+`
[program:all]
[program:clear]
env_clear=true
env_pass=LC_*,NONE
[program:bare]
env_file=
env_dir=
env_from_file=
env_clear=true
env_unset=SUPERVISOR_*,DROP_*
`)
	fromFiles := []string{"DIR=dir", "FILE=second", "HERE=inherited", "ONE=one", "OWN=environment", `QUOTED="$HOME %(x)s"`}
	all := s.environ("all")
	for _, want := range append(fromFiles, "LC_TEST=C", told, "SUPERVISOR_PROCESS_NAME=all", "PATH="+os.Getenv("PATH")) {
		if !slices.Contains(all, want) {
			t.Errorf("all: no %s in %q", want, all)
		}
	}
	if slices.ContainsFunc(all, func(kv string) bool { return strings.HasPrefix(kv, "DROP_") }) {
		t.Errorf("all: what is unset is there: %q", all)
	}
	want := append(slices.Clone(fromFiles), "LC_TEST=C", told, "SUPERVISOR_GROUP_NAME=clear", "SUPERVISOR_PROCESS_NAME=clear")
	slices.Sort(want)
	if got := s.environ("clear"); !slices.Equal(got, want) {
		t.Errorf("clear: got  %q\nwant %q", got, want)
	}
	if got, want := s.environ("bare"), []string{"OWN=environment"}; !slices.Equal(got, want) {
		t.Errorf("bare: got %q, want %q", got, want)
	}
}

func TestEnvironmentFilesAreReadAtEachStart(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	s := supervise(t, "[program:p]\ncommand=/bin/sh -c 'echo \"<$TOKEN>\"; exec cat'\nautostart=false\nstartsecs=0\nstartretries=0\nenv_from_file=TOKEN="+token+"\n")
	s.faults(api.StartProcess{Name: "p", Wait: true}, api.SpawnError)
	want := `cannot read env_from_file "` + token + `" for TOKEN: no such file or directory`
	if p := s.waitFor("p", "FATAL"); p.SpawnErr != want {
		t.Errorf("got %q, want %q", p.SpawnErr, want)
	}
	s.waitForLog("spawnerr: " + want)

	out := ""
	for _, value := range []string{"first", "second"} {
		s.write(token, value+"\n")
		s.call(api.StartProcess{Name: "p", Wait: true})
		out += "<" + value + ">\n"
		log := s.info("p").StdoutLogfile
		eventually(t, "the value "+value, func() bool { return s.read(log) == out })
		s.call(api.StopProcess{Name: "p", Wait: true})
	}
}

func TestTheCommandIsFoundAlongThePathOfAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "only-here"), []byte("#!/bin/sh\nexec /bin/cat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "path.env")
	if err := os.WriteFile(file, []byte("PATH="+dir+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := supervise(t, "[program:p]\ncommand=only-here\nautostart=false\nstartsecs=0\nenv_file="+file+"\n")
	s.call(api.StartProcess{Name: "p", Wait: true})
	s.waitFor("p", "RUNNING")
}
