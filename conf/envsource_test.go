package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gosupervisor/lacking"
)

func TestEnvSources(t *testing.T) {
	const head = "[supervisord]\n"
	const prog = head + "[program:p]\ncommand=x\n"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", prog, "clear=false pass= file= dir= from= unset="},
		{"everything", prog + "env_file=/a, -/b\nenv_dir=/run/secrets\nenv_from_file=B=/b,A=-/a\nenv_unset=X,Y_*\nenv_clear=true\nenv_pass=PATH,LC_*\n",
			"clear=true pass=PATH,LC_* file=/a,-/b dir=/run/secrets from=A=-/a,B=/b unset=X,Y_*"},
		{"relative paths count from the file", prog + "env_file=a.env,../b\nenv_from_file=A=s/a\n", "clear=false pass= file=/c/a.env,/b dir= from=A=/c/s/a unset="},
		{"the home directory", prog + "env_dir=~/env\n", "clear=false pass= file= dir=/root/env from= unset="},
		{"names are expanded", prog + "env_file=/etc/%(program_name)s.%(process_num)d.env\n", "clear=false pass= file=/etc/p.0.env dir= from= unset="},
		{"an empty list takes the default back", head + "[program-defaults]\nenv_file=/a\n[program:p]\ncommand=x\nenv_file=\n", "clear=false pass= file= dir= from= unset="},
		{"another spelling", prog + "envFiles=/a,/b\n", "clear=false pass= file=/a,/b dir= from= unset="},
		{"a third spelling", prog + "environment_file=/a\n", "clear=false pass= file=/a dir= from= unset="},
		{"ours wins over other spellings", prog + "envfiles=/a\nenv_file=/b\n", "clear=false pass= file=/b dir= from= unset="},
		{"another spelling wins over a default", head + "[program-defaults]\nenv_file=/a\n[program:p]\ncommand=x\nenvfiles=/b\n", "clear=false pass= file=/b dir= from= unset="},
		{"a default under another spelling", head + "[program-defaults]\nenvfiles=/a\n[program:p]\ncommand=x\n", "clear=false pass= file=/a dir= from= unset="},
		{"quotes around a path with a comma", prog + "env_from_file=A=\"/a,b\"\n", "clear=false pass= file= dir= from=A=/a,b unset="},

		{"a comma too many", prog + "env_file=/a,,/b\n", ":4: [program:p] env_file: not a list of paths (paths with commas between them; a - before one says that it need not be there)"},
		{"a sign and no path", prog + "env_dir=-\n", ":4: [program:p] env_dir: not a list of paths (paths with commas between them; a - before one says that it need not be there)"},
		{"a wrong list under another spelling", prog + "envfiles=,\n", ":4: [program:p] envfiles: not a list of paths (paths with commas between them; a - before one says that it need not be there)"},
		{"a variable without a path", prog + "env_from_file=A\n", ":4: [program:p] env_from_file: Unexpected end of key/value pairs in value 'A' (write NAME=/path/of/file,NAME2=/path)"},
		{"no name", prog + "env_unset=A,\n", ":4: [program:p] env_unset: not the name of a variable: '' (names such as LANG or LC_* with commas between them)"},
		{"no pattern", prog + "env_pass=[A\n", ":4: [program:p] env_pass: not the name of a variable: '[A' (names such as LANG or LC_* with commas between them)"},
		{"an assignment", prog + "env_pass=A=1\n", ":4: [program:p] env_pass: not the name of a variable: 'A=1' (names such as LANG or LC_* with commas between them)"},
		{"neither true nor false", prog + "env_clear=x\n", ":4: [program:p] env_clear: not a valid boolean value: 'x' (one of true, false)"},
		{"too many", prog + "env_file=" + strings.Repeat("/a,", 100) + "/a\n", ":4: [program:p] env_file: 101 entries are more than the 100 that are allowed (paths with commas between them; a - before one says that it need not be there)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := loadString(tt.text)
			got := ""
			if err != nil {
				got = strings.TrimPrefix(err.(*LoadError).Details()[0], "/c/s.conf")
			} else {
				e := c.Groups[0].Programs[0].Env
				got = fmt.Sprintf("clear=%v pass=%s file=%s dir=%s from=%s unset=%s", e.Clear, strings.Join(e.Pass, ","), joined(e.Files), joined(e.Dirs), joined(e.From), strings.Join(e.Unset, ","))
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestHooksHaveEnvSources(t *testing.T) {
	c := mustLoad(t, "[supervisord]\n[hook:h]\ncommand=x\nevents=EVENT\nenv_from_file=TOKEN=/t\nenv_clear=true\n")
	if e := c.Hooks[0].Child.Env; joined(e.From) != "TOKEN=/t" || !e.Clear {
		t.Errorf("got %+v", e)
	}
}

func TestEnvFilesAreRead(t *testing.T) {
	none := func(name string) (string, bool) { return "inherited", name == "HERE" }
	for _, tt := range []struct{ name, text, want string }{
		{"lines", "A=1\nB=2\n", "A=1|B=2"},
		{"no line end at the end", "A=1\nB=2", "A=1|B=2"},
		{"line ends of another system", "A=1\r\nB=2\r\n", "A=1|B=2"},
		{"comments and empty lines", "# A=0\n\n  \t\n\t# x\nA=1 # not one\n", "A=1 # not one"},
		{"blanks before a name, and around a value", "  A= 1 \n", "A= 1 "},
		{"values as they stand", `A="x y"` + "\nB='$HOME %(x)s %% \\n'\nC==x=\nD=\n", `A="x y"|B='$HOME %(x)s %% \n'|C==x=|D=`},
		{"what a shell exports", "export A=1\nexport\t B=2\nexport=3\nexported=4\n", "A=1|B=2|export=3|exported=4"},
		{"a name alone takes what we have", "HERE\nGONE\nexport HERE\n", "HERE=inherited|HERE=inherited"},
		{"names with dots and dashes", "a.b-C_9=1\n", "a.b-C_9=1"},
		{"a byte-order mark", "\ufeffA=1\n", "A=1"},
		{"bytes that are no text", "A=\xff\n", "A=\xff"},
		{"nothing", "", ""},
		{"a blank in a name", "A=1\nB =2\n", "line 2 is not NAME=VALUE"},
		{"no name", "=secret\n", "line 1 is not NAME=VALUE"},
		{"a digit first", "9=secret\n", "line 1 is not NAME=VALUE"},
		{"a broken value", "KEY=-----BEGIN\nMIIE+secret/x==\n", "line 2 is not NAME=VALUE"},
		{"a NUL byte", "A=\x00\n", "line 1: a value with a NUL byte cannot be that of a variable"},
		{"too long for the kernel", "A=" + strings.Repeat("x", maxEnvEntry-1), "line 1: longer than a variable can be, which is 131071 bytes with its name"},
		{"too many", strings.Repeat("A=1\n", maxEnvValues+1), "more than 10000 variables"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vars, err := parseEnvFile([]byte(tt.text), none)
			got := shownVars(vars)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %.200q, want %q", got, tt.want)
			}
		})
	}
	if vars, err := parseEnvFile([]byte("A="+strings.Repeat("x", maxEnvEntry-2)), none); err != nil || len(vars) != 1 {
		t.Errorf("the longest variable is refused: %v", err)
	}
}

func shownVars(vars []EnvVar) string {
	var words []string
	for _, v := range vars {
		words = append(words, v.Name+"="+v.Value)
	}
	return strings.Join(words, "|")
}

func TestEnvSourcesAreReadInOrder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := EnvPath{Path: write("a.env", "A=file\nB=file\nC=file\n")}
	write("secrets/B", "dir\n")
	write("secrets/C", "dir\n\n")
	write("secrets/.hidden", "x")
	write("secrets/..data/x", "x")
	write("secrets/sub/x", "x")
	if err := os.Symlink("..data/x", filepath.Join(dir, "secrets/LINK")); err != nil {
		t.Fatal(err)
	}
	secrets := EnvPath{Path: filepath.Join(dir, "secrets")}
	value := EnvPath{Path: write("value", "a\nb\r\n")}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	odd := EnvPath{Path: filepath.Dir(write("odd/a=b", ""))}
	nul := EnvPath{Path: filepath.Dir(write("nul/N", "secret\x00"))}
	long := EnvPath{Path: write("long", strings.Repeat("s", maxEnvEntry+1))}
	huge := EnvPath{Path: write("huge.env", "A="+strings.Repeat("s", maxEnvFile))}
	bad := EnvPath{Path: write("bad.env", "secret value\n")}
	many := EnvPath{Path: filepath.Join(dir, "many")}
	for i := range maxEnvDir + 1 {
		write(fmt.Sprintf("many/V%d", i), "")
	}
	gone := func(optional bool) EnvPath { return EnvPath{dir + "/gone", optional} }

	for _, tt := range []struct {
		name string
		e    EnvSources
		want string
	}{
		{"none", EnvSources{}, ""},
		{"the strongest last", EnvSources{From: []EnvFrom{{"C", value}}, Files: []EnvPath{file}, Dirs: []EnvPath{secrets}},
			"A=file|B=file|C=file|B=dir|C=dir\n|LINK=x|C=a\nb"},
		{"later files over earlier ones", EnvSources{Files: []EnvPath{file, {Path: write("b.env", "A=second\n")}}}, "A=file|B=file|C=file|A=second"},
		{"what need not be there", EnvSources{Files: []EnvPath{gone(true)}, Dirs: []EnvPath{gone(true)}, From: []EnvFrom{{"A", gone(true)}}}, ""},
		{"a missing file", EnvSources{Files: []EnvPath{gone(false)}}, `cannot read env_file "DIR/gone": no such file or directory`},
		{"a missing directory", EnvSources{Dirs: []EnvPath{gone(false)}}, `cannot read env_dir "DIR/gone": no such file or directory`},
		{"a missing value", EnvSources{From: []EnvFrom{{"A", gone(false)}}}, `cannot read env_from_file "DIR/gone" for A: no such file or directory`},
		{"a directory in place of a file", EnvSources{Files: []EnvPath{secrets}}, `cannot read env_file "DIR/secrets": is a directory`},
		{"a file in place of a directory", EnvSources{Dirs: []EnvPath{file}}, `cannot read env_dir "DIR/a.env": not a directory`},
		{"a fifo that nobody writes to", EnvSources{From: []EnvFrom{{"A", EnvPath{Path: fifo}}}}, `cannot read env_from_file "DIR/fifo" for A: is no regular file`},
		{"a device without end", EnvSources{Files: []EnvPath{{Path: "/dev/zero"}}}, `cannot read env_file "/dev/zero": is no regular file`},
		{"a name that cannot be", EnvSources{Dirs: []EnvPath{odd}}, `cannot read env_dir "DIR/odd": the file name "a=b" cannot be that of a variable`},
		{"a value that cannot be", EnvSources{Dirs: []EnvPath{nul}}, `cannot read env_dir "DIR/nul": "N": a value with a NUL byte cannot be that of a variable`},
		{"a value too long", EnvSources{From: []EnvFrom{{"A", long}}}, `cannot read env_from_file "DIR/long" for A: longer than 131071 bytes`},
		{"a file too long", EnvSources{Files: []EnvPath{huge}}, `cannot read env_file "DIR/huge.env": longer than 1048576 bytes`},
		{"a directory too full", EnvSources{Dirs: []EnvPath{many}}, `cannot read env_dir "DIR/many": more than 1000 files`},
		{"a bad line", EnvSources{Files: []EnvPath{bad}}, `cannot read env_file "DIR/bad.env": line 1 is not NAME=VALUE`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vars, err := tt.e.Read(nil)
			got := shownVars(vars)
			if err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "DIR")
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if strings.Contains(got, "secret value") {
				t.Error("the error shows what is in the file")
			}
		})
	}
}

// TestRootFollowsNobodysLinkToWhatIsNotTheirs has another user make links in the
// places that a configuration names.
func TestRootFollowsNobodysLinkToWhatIsNotTheirs(t *testing.T) {
	if os.Getuid() != 0 {
		lacking.Skip(t, "only root may read what others may not")
	}
	const user = 4711
	dir := t.TempDir()
	for name, owner := range map[string]int{"root": 0, "theirs": user} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name, "V")
		if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{filepath.Join(dir, name), file} {
			if err := os.Chown(p, owner, owner); err != nil {
				t.Fatal(err)
			}
		}
	}
	link := func(name, to string, owner int) {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(filepath.Join(dir, name), owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	link("root-to-root", "root/V", 0)
	link("root-to-theirs", dir+"/theirs/V", 0)
	link("their-own", "theirs/V", user)
	link("their-trick", dir+"/root/V", user)
	link("their-dir-trick", "root", user)
	link("chain", "their-trick", 0)
	link("loop", "loop", 0)
	link("up", "root/../theirs/", 0)
	link("top", "/", 0)
	const refused = "a symbolic link on the way belongs to a user whose the file is not (link of user 4711, file of user 0)"
	for _, tt := range []struct{ path, want string }{
		{"root/V", "root"}, {"root-to-root", "root"}, {"root-to-theirs", "theirs"}, {"their-own", "theirs"}, {"up/V", "theirs"},
		{"top" + dir + "/root/V", "root"}, {"theirs/V/x", "not a directory"}, {"gone/x", "no such file or directory"},
		{"their-trick", refused}, {"their-dir-trick/V", refused}, {"chain", refused}, {"loop", "too many levels of symbolic links"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			vars, err := (&EnvSources{From: []EnvFrom{{"A", EnvPath{Path: dir + "/" + tt.path}}}}).Read(nil)
			got := ""
			if err != nil {
				_, got, _ = strings.Cut(err.Error(), " for A: ")
			} else {
				got = vars[0].Value
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if _, err := (&EnvSources{Dirs: []EnvPath{{Path: dir + "/their-dir-trick"}}}).Read(nil); err == nil || !strings.Contains(err.Error(), refused) {
		t.Errorf("a directory behind a link: %v", err)
	}
	if names, err := readDirOwned("/"); err != nil || !slices.Contains(names, "etc") {
		t.Errorf("the root directory holds %q, %v", names, err)
	}
}

func TestEnvironmentFilesAreShownWithoutValues(t *testing.T) {
	h := checked(map[string]string{
		"/c/s.conf": "[supervisord]\nenvironment=G=1\n[program:p]\ncommand=cat\nenvironment=E=1\nenv_file=a.env,-/none\n" +
			"env_dir=/run/secrets\nenv_from_file=T=/token,E=/never\nenv_unset=U*\n",
		"/c/a.env":           "A=hunter2\nG=hunter2\nUGLY=hunter2\nT=hunter2\n\nB=hunter2\n",
		"/run/secrets/D":     "hunter2\n",
		"/run/secrets/..x/y": "",
		"/token":             "hunter2",
		"/never":             "hunter2",
	})
	r, err := Read("/c/s.conf", h)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := WriteBlocks(&out, SelectBlocks(r.Explain(nil), "p")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "env") {
			got = append(got, strings.Join(strings.Fields(line), " "))
		}
	}
	want := []string{
		"env_clear = false ; default", "env_pass = ; default", "env_file = /c/a.env,-/none ; /c/s.conf:6",
		"env_dir = /run/secrets ; /c/s.conf:7", "env_from_file = E=/never,T=/token ; /c/s.conf:8", "env_unset = U* ; /c/s.conf:9",
		"environment = A=*** ; /c/s.conf:6, /c/a.env:1", "environment = B=*** ; /c/s.conf:6, /c/a.env:6",
		"environment = D=*** ; /c/s.conf:7, /run/secrets/D", "environment = T=*** ; /c/s.conf:8, /token",
		`environment = E="1" ; /c/s.conf:5`, `environment = G="1" ; /c/s.conf:2 in [supervisord]`,
	}
	compareLines(t, got, want)
	if strings.Contains(out.String()+blocksJSON(r.Explain(nil)), "hunter2") {
		t.Errorf("a value was printed:\n%s", out.String())
	}
}

func FuzzEnvFile(f *testing.F) {
	f.Add([]byte("A=1\n# b\nexport C='d'\nHERE\n"))
	f.Add([]byte("\xef\xbb\xbfA=\r\n=\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		vars, err := parseEnvFile(data, func(string) (string, bool) { return "", true })
		if err != nil {
			if vars != nil {
				t.Error("both variables and an error")
			}
			return
		}
		for _, v := range vars {
			if !isVariableName(v.Name) || strings.ContainsAny(v.Value, "\n\x00") || v.Line < 1 {
				t.Errorf("got %+v", v)
			}
		}
	})
}

func TestCheckOfEnvSources(t *testing.T) {
	const prog = "[program:a]\ncommand=cat\n"
	const needed = "the program is not started without it"
	const gone = needed + "; a - before the path says that it need not be there"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"good ones", prog + "env_file=/good.env,-/none\nenv_dir=/s\nenv_from_file=T=/s/T\nenv_clear=true\nenv_pass=PATH\nenv_unset=X\n", nil},
		{"files that are not there", prog + "env_file=/none,/none\nenv_dir=-/none\nenv_from_file=T=/none,U=-/none\n", []string{
			`:4: warning: [program:a] env_file: cannot read env_file "/none": file does not exist (` + gone + ")",
			`:6: warning: [program:a] env_from_file: cannot read env_from_file "/none" for T: file does not exist (` + gone + ")"}},
		{"once for all processes of a section", prog + "env_file=/none\nnumprocs=3\nprocess_name=%(process_num)d\n", []string{
			`:4: warning: [program:a] env_file: cannot read env_file "/none": file does not exist (` + gone + ")"}},
		{"a file of a hook", "[hook:h]\ncommand=cat\nevents=EVENT\nenv_file=/none\n", []string{
			`:5: warning: [hook:h] env_file: cannot read env_file "/none": file does not exist (` + gone + ")"}},
		{"a bad line", prog + "envfiles=/bad.env\n", []string{
			`:4: warning: [program:a] envfiles: cannot read env_file "/bad.env": line 2 is not NAME=VALUE (` + needed + ")"}},
		{"quotes that are taken as they stand", prog + "env_file=/quotes.env\n", []string{
			":4: warning: [program:a] env_file: /quotes.env:1: the quotes around the value of A are a part of it (values are taken as they stand, as docker run --env-file does)"}},
		{"a file that is not used", prog + "environment=T=1\nenv_from_file=T=/s/T\n", []string{
			":5: warning: [program:a] env_from_file: the file for T is not used: environment= sets it"}},
		{"names that are passed on anyhow", prog + "env_pass=PATH\n", []string{
			":4: warning: [program:a] env_pass: env_pass has no effect without env_clear=true: everything is passed on"}},
		{"two spellings", prog + "environment_file=/good.env\nenvfiles=/good.env\nenv_file=/good.env\n", []string{
			":4: warning: [program:a] environment_file: the value is not used: env_file is set too",
			":5: warning: [program:a] envfiles: the value is not used: env_file is set too"}},
		{"a spelling that is misspelt", prog + "envfile=/good.env\n", []string{
			":4: warning: [program:a] envfile: the key is unknown and ignored (did you mean env_file?)"}},
		{"the PATH of a file counts, and is not shown", "[program:a]\ncommand=tool\nenv_file=/path.env\n[program:b]\ncommand=cat\nenv_file=/path.env\n", []string{
			":6: warning: [program:b] command: can't find command 'cat' (PATH is that of /path.env)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := checked(map[string]string{
				"/c/s.conf": "[supervisord]\n" + tt.text, "/good.env": "A=1\n", "/bad.env": "A=1\nsecret value\n", "/quotes.env": "A=\"1\"\nB='\n",
				"/path.env": "PATH=/opt/bin\n", "/s/T": "t\n",
			})
			var got []string
			for _, line := range lines(withoutNotes(Check("/c/s.conf", h))) {
				got = append(got, strings.TrimPrefix(line, "/c/s.conf"))
			}
			compareLines(t, got, tt.want)
		})
	}
}

func TestUpstreamIgnoresEnvSources(t *testing.T) {
	h := checked(map[string]string{"/c/s.conf": "[supervisord]\n[program:a]\ncommand=cat\nenvfiles=/a\nenv_clear=x\n"})
	compareLines(t, lines(CheckUpstream("/c/s.conf", h)), []string{
		"/c/s.conf:4: warning: [program:a] envfiles: the key is an extension and ignored",
		"/c/s.conf:5: warning: [program:a] env_clear: the key is an extension and ignored",
	})
}
