package main

import (
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed limit/limit.c
var limitSource []byte

//go:embed limit/control.c
var controlSource []byte

// errSkip is why a row is not measured where something that it needs is missing.
var errSkip = errors.New("skipped")

// bench is one run.
type bench struct {
	dir     string // where configurations, sockets and logs are
	limit   string // the program made of limit.c
	control string // and of control.c
	bin     string // where our binary and its names are, as they would be installed
	rounds  int
	files   uint64 // that a process may open
	peers   []*peer
	n       int // directories made so far
	rows    []*row
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	bin := flag.String("bin", "../bin", "directory of the built binary")
	out := flag.String("o", "", "also write the document to this file")
	pick := flag.String("run", "", "only the rows whose name matches this expression")
	beside := flag.String("peers", "", "only these peers, divided by commas; all when empty")
	rounds := flag.Int("rounds", 5, "samples of each figure")
	list := flag.Bool("list", false, "list the names of the rows")
	most := flag.Int("most", growthSizes[len(growthSizes)-1], "programs at the most, where the growth is measured")
	base := flag.String("dir", "/dev/shm", "make the working directory here; its file system is what logs are written to")
	flag.Parse()
	if *list {
		for _, r := range rows {
			fmt.Printf("%-12s %s\n", r.name, r.title)
		}
		fmt.Printf("%-12s %s\n", growthName, "start, memory, status and stop over the number of programs, and the picture")
		return nil
	}
	only, err := regexp.Compile(*pick)
	if err != nil {
		return err
	}
	if flag.NArg() > 0 || *rounds < 1 {
		return errors.New("takes flags only, and at least one round; see -h")
	}
	if os.Getuid() != 0 {
		return errors.New("must be root: it starts programs in pid namespaces and thousands of processes")
	}
	b, err := prepare(*bin, *base, *rounds)
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	defer b.unbuild()
	if *beside != "" {
		if err := b.choose(strings.Split(*beside, ",")); err != nil {
			return err
		}
	}

	// Who breaks it off is not left with what was started.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, os.Interrupt, unix.SIGTERM)
	go func() {
		sig := <-broken
		b.sweep()
		b.unbuild()
		os.RemoveAll(b.dir)
		fmt.Fprintln(os.Stderr, "bench: broken off:", sig)
		os.Exit(1)
	}()

	before := loadavg()
	failed := 0
	for _, r := range rows {
		if !only.MatchString(r.name) {
			continue
		}
		began := time.Now()
		r := &row{rowSpec: r, others: otherReaches[r.name]}
		b.rows = append(b.rows, r)
		from := readCPU()
		r.err = r.measure(b, r)
		r.cpu = readCPU().since(from)
		if err := b.sweep(); err != nil {
			return fmt.Errorf("%s: cannot clear up: %w", r.name, err)
		}
		if r.err != nil && !errors.Is(r.err, errSkip) {
			failed++
		}
		fmt.Fprintf(os.Stderr, "%-12s %5.1fs %s, %s\n", r.name, time.Since(began).Seconds(), r.brief(), r.cpu)
	}
	grown, err := b.grow(only, *most)
	if err != nil {
		return err
	}
	if len(b.rows) == 0 && grown == nil {
		return fmt.Errorf("no row is called %s; -list lists them", *pick)
	}
	if err := b.publish(*out, before, *pick, grown); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d rows could not be measured, or what they measured was wrong", failed)
	}
	return nil
}

// grow measures the growth if that is wanted: it takes as long as all rows.
func (b *bench) grow(only *regexp.Regexp, most int) (*growth, error) {
	if !only.MatchString(growthName) {
		return nil, nil
	}
	return b.measureGrowth(most)
}

// growthName selects the growth, as the name of a row does.
const growthName = "growth"

// publish prints the document, and writes it to the file out, if that is named,
// with the picture beside it.
func (b *bench) publish(out, before, pick string, grown *growth) error {
	var doc bytes.Buffer
	b.document(&doc, before, pick, grown)
	os.Stdout.Write(doc.Bytes())
	if out == "" {
		return nil
	}
	if grown != nil {
		if err := os.WriteFile(filepath.Join(filepath.Dir(out), pictureName), grown.picture(), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(out, doc.Bytes(), 0o644)
}

// pictureName is the file of the picture, beside that of the document.
const pictureName = "benchmarks.svg"

// prepare builds what the limits need and looks which peers there are.
func prepare(bin, base string, rounds int) (*bench, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(bin, "supervisord")); err != nil {
		return nil, fmt.Errorf("build first: %w", err)
	}
	b := &bench{rounds: rounds}
	// What a peer leaves behind comes to us, so that it can be waited for and ended.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, err
	}
	// A thousand programs of three pipes and two logs each.
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return nil, err
	}
	if b.files = files.Max; b.files < 8192 {
		return nil, fmt.Errorf("%d open files are allowed and 8192 are needed; see ulimit -Hn", b.files)
	}
	if b.dir, err = os.MkdirTemp(base, "bench-"); err != nil {
		return nil, err
	}
	for source, program := range map[*[]byte]*string{&limitSource: &b.limit, &controlSource: &b.control} {
		if *program, err = compile(*source); err != nil {
			b.unbuild()
			return nil, err
		}
	}
	if err := b.install(bin); err != nil {
		b.unbuild()
		return nil, err
	}
	b.peers = findPeers(b)
	runtime.LockOSThread()
	return b, nil
}

// compile makes a program of C. Where data go may be no place for programs.
func compile(source []byte) (string, error) {
	file, err := os.CreateTemp("", "bench-limit-")
	if err != nil {
		return "", err
	}
	file.Close()
	cc := exec.Command("cc", "-O2", "-static", "-pthread", "-x", "c", "-o", file.Name(), "-")
	cc.Stdin = bytes.NewReader(source)
	if out, err := cc.CombinedOutput(); err != nil {
		os.Remove(file.Name())
		return "", fmt.Errorf("the programs that are the limit need a C compiler and its static library: %w\n%s", err, out)
	}
	return file.Name(), nil
}

// install copies our binary, and has the kernel forget it: as on a machine that was started
// since it was installed, it is read from the disk. What has just been written lies in the page
// cache as it was written, and that is seen in the time of a start (a linker writes page by
// page: half a millisecond more) and in the memory (in one piece, all of it is mapped: 3 MB more).
func (b *bench) install(from string) error {
	var err error
	if b.bin, err = os.MkdirTemp("", "bench-bin-"); err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(from, "supervisord"))
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(b.bin, "supervisord"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Symlink("supervisord", filepath.Join(b.bin, "supervisorctl"))
}

func (b *bench) unbuild() {
	if b.bin != "" {
		os.RemoveAll(b.bin)
	}
	os.Remove(b.limit)
	os.Remove(b.control)
}

// choose leaves out the peers that are not among names; ours is always measured.
func (b *bench) choose(names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(b.peers, func(p *peer) bool { return p.name == name }) {
			return fmt.Errorf("-peers: there is no %q; there are ours, original, s6, runit, tini and dumb-init", name)
		}
	}
	for _, p := range b.peers {
		if p.name != ours && !slices.Contains(names, p.name) {
			p.missing = "not asked for"
		}
	}
	return nil
}

// folder makes a new directory below the working directory.
func (b *bench) folder() (string, error) {
	b.n++
	dir := filepath.Join(b.dir, fmt.Sprint(b.n))
	return dir, os.Mkdir(dir, 0o755)
}

// each calls do for every named peer that is there, as many times as there are
// rounds and in turn, so that a load that comes and goes hits all alike.
func (b *bench) each(r *row, names []string, do func(p *peer) (float64, error)) error {
	for range b.rounds {
		for _, name := range names {
			p := b.peer(name)
			if p == nil {
				continue
			}
			v, err := do(p)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			r.add(name, v)
		}
	}
	return nil
}

func (b *bench) peer(name string) *peer {
	i := slices.IndexFunc(b.peers, func(p *peer) bool { return p.name == name && p.missing == "" })
	if i < 0 {
		return nil
	}
	return b.peers[i]
}
