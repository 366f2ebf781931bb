package integration

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The images in which the promises about containers are kept, or not: ours is
// the one from scratch, the peers' is Debian's package of the original with all
// that it depends on, and tini. Above both lie the same tools and configurations.
var promised struct {
	ours, theirs string
}

// needPromised builds both, with the given configurations in /etc/promise.
func needPromised(t *testing.T, confs map[string]string) {
	t.Helper()
	base := needImage(t)
	busybox, tini := needProgram(t, "busybox"), needProgram(t, "tini-static")
	peers, err := peersBase(t)
	if err != nil {
		t.Fatal(err)
	}
	dir := shortDir(t)
	for _, sub := range []string{"etc/promise", "bin", "var/run", "var/log/supervisor"} {
		if err := os.MkdirAll(filepath.Join(dir, "root", sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for to, from := range map[string]string{"busybox": busybox, "tini": tini, "testprog": testprog} {
		writeFile(t, filepath.Join(dir, "root/bin", to), readFile(t, from), 0o755)
	}
	for _, name := range []string{"sh", "cat", "ps", "sleep", "setsid", "grep"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "root/bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range confs {
		writeFile(t, filepath.Join(dir, "root/etc/promise", name+".conf"), text, 0o644)
	}
	writeFile(t, filepath.Join(dir, "Dockerfile"), "ARG base\nFROM ${base}\nLABEL "+label+"=image\nCOPY root/ /\n", 0o644)
	if promised.ours, err = dockerBuild(dir, "--build-arg", "base="+base); err != nil {
		t.Fatal(err)
	}
	if promised.theirs, err = dockerBuild(dir, "--build-arg", "base="+peers); err != nil {
		t.Fatal(err)
	}
}

// peersBase returns the name of an image of the original as Debian has it, made
// of the files of the packages on this machine. It is named after their
// versions and stays, for the next run.
func peersBase(t *testing.T) (string, error) {
	packages := closure("supervisor")
	if len(packages) == 0 {
		skip(t, "Debian's package supervisor is not installed (see packages.txt)")
	}
	sum := sha256.New()
	var names []string
	for name := range packages {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(sum, "%s %s\n", name, packages[name])
	}
	fmt.Fprintf(sum, "%s\n", layout)
	tag := fmt.Sprintf("%s/original:%x", label, sum.Sum(nil)[:8])
	if exec.Command("docker", "image", "inspect", tag).Run() == nil {
		return tag, nil
	}
	files, err := packageFiles(names)
	if err != nil {
		return "", err
	}
	dir := shortDir(t)
	skeleton := exec.Command("/bin/sh", "-c", layout)
	skeleton.Dir = dir
	if out, err := skeleton.CombinedOutput(); err != nil {
		return "", fmt.Errorf("layout: %v\n%s", err, out)
	}
	// By way of a file: each of the two commands is then blamed for itself.
	archive := filepath.Join(shortDir(t), "root.tar")
	pack := exec.Command("tar", "-cf", archive, "--numeric-owner", "--owner=0", "--group=0", "-C", dir, ".", "-C", "/", "--no-recursion", "-T", "-")
	pack.Stdin = strings.NewReader(strings.Join(files, "\n"))
	if out, err := pack.CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %v\n%s", err, out)
	}
	if out, err := exec.Command("docker", "import", "-c", "LABEL "+label+"=base", archive, tag).CombinedOutput(); err != nil {
		return "", fmt.Errorf("docker import: %v\n%s", err, out)
	}
	return tag, nil
}

// layout makes the directories and links that no package, but an installation has.
const layout = `set -e
mkdir -p bin etc run tmp root proc dev sys usr/lib usr/lib64 var/log var/run
chmod 1777 tmp
ln -s usr/lib lib
ln -s usr/lib64 lib64
echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
`

var relation = regexp.MustCompile(`^\s*([a-z0-9.+-]+)`)

// closure returns the installed packages that one depends on, and itself, with
// their versions.
func closure(name string) map[string]string {
	found := map[string]string{}
	for todo := []string{name}; len(todo) > 0; todo = todo[1:] {
		if _, ok := found[todo[0]]; ok {
			continue
		}
		out, err := exec.Command("dpkg-query", "-W", "-f", "${Status}|${Version}|${Depends}, ${Pre-Depends}\n", todo[0]).Output()
		status, rest, _ := strings.Cut(string(out), "|")
		version, depends, _ := strings.Cut(rest, "|")
		if err != nil || !strings.HasSuffix(status, " installed") {
			continue // another alternative, or a name that others provide
		}
		found[todo[0]] = version
		for _, one := range strings.FieldsFunc(depends, func(r rune) bool { return r == ',' || r == '|' }) {
			if m := relation.FindStringSubmatch(one); m != nil {
				todo = append(todo, m[1])
			}
		}
	}
	return found
}

// packageFiles lists the files of packages, from the root, but for what only
// people read, and with what Python has compiled of them.
func packageFiles(packages []string) ([]string, error) {
	out, err := exec.Command("dpkg-query", append([]string{"-L"}, packages...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("dpkg-query -L: %v", err)
	}
	files := map[string]bool{}
	for _, path := range strings.Split(string(out), "\n") {
		path = strings.TrimPrefix(path, "/")
		if regexp.MustCompile(`^(s?bin|lib|lib64)/`).MatchString(path) {
			path = "usr/" + path // where the links of a merged /usr lead
		}
		if regexp.MustCompile(`^usr/share/(doc|man|locale|lintian|perl5)/|^(s?bin|lib|lib64)?$`).MatchString(path) {
			continue
		}
		info, err := os.Lstat("/" + path)
		if err != nil || info.Mode()&(fs.ModeType&^fs.ModeSymlink) != 0 {
			continue // a directory, or one that the machine does without
		}
		files[path] = true
		if name, ok := strings.CutSuffix(filepath.Base(path), ".py"); ok {
			compiled, err := filepath.Glob("/" + filepath.Dir(path) + "/__pycache__/" + name + ".cpython-*.pyc")
			if err != nil {
				return nil, err
			}
			for _, c := range compiled {
				files[strings.TrimPrefix(c, "/")] = true
			}
		}
	}
	all := make([]string, 0, len(files))
	for path := range files {
		all = append(all, path)
	}
	slices.Sort(all)
	return all, nil
}
