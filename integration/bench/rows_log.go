package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	mib      = 1 << 20
	rotateAt = 50 * mib
	width64K = 64 // bytes a line in large writes

	// Figures beside those of the rows.
	cpuPerGiB  = "CPU, s per GiB"
	leastShare = "least share when the first is done, %"
	fairLimit  = "two threads in C that take the pipes in turn, MiB/s"
	fairShare  = "of those two threads: " + leastShare
)

// logRow measures how long output takes from a program's first write until all
// of it is in the log: in MiB a second, count writes of size bytes.
func logRow(size, count, width int) func(*bench, *row) error {
	return func(b *bench, r *row) error {
		total := int64(size) * int64(count)
		args := []string{fmt.Sprint(size), fmt.Sprint(count), fmt.Sprint(width)}
		rate := func(from, to int64) float64 { return float64(total) / mib / (float64(to-from) / 1e9) }
		for range b.rounds {
			// The limit, and the loggers of s6 and runit, stand at the end of a pipe.
			for _, name := range []string{limit, s6, runit} {
				dir, err := b.folder()
				if err != nil {
					return err
				}
				argv, pattern, err := b.logger(name, dir)
				if err != nil {
					return err
				}
				if argv == nil {
					continue
				}
				from, to, err := b.throughPipe(dir, argv, append([]string{"write", dir + "/notes"}, append(args, "once")...))
				if err == nil {
					err = check(pattern, total, width)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				r.add(name, rate(from, to))
				if err := b.sweep(); err != nil {
					return err
				}
			}
			for _, name := range servers {
				p := b.peer(name)
				if p == nil {
					continue
				}
				from, to, cpu, err := b.throughServer(p, append([]string{b.limit, "write"}, args...), total, width)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				r.add(name, rate(from, to))
				r.also(cpuPerGiB, name, cpu.Seconds()*1024*mib/float64(total))
			}
		}
		return nil
	}
}

// logger says how to call one that reads a pipe, and which files it writes.
func (b *bench) logger(name, dir string) (argv []string, pattern string, err error) {
	logs := dir + "/log"
	if name == limit {
		return []string{b.limit, "copy", logs}, logs, nil
	}
	p := b.peer(name)
	if p == nil {
		return nil, "", nil
	}
	if err := os.Mkdir(logs, 0o755); err != nil {
		return nil, "", err
	}
	if name == s6 {
		return []string{p.tools["s6-log"], "n1000", fmt.Sprintf("s%d", rotateAt), logs}, logs, nil
	}
	return []string{p.tools["svlogd"], logs}, logs, os.WriteFile(logs+"/config", fmt.Appendf(nil, "s%d\nn1000\n", rotateAt), 0o644)
}

// throughPipe runs a writer with a logger at the end of its pipe, and returns
// when the first began to write and when the second was gone.
func (b *bench) throughPipe(dir string, logger, writer []string) (from, to int64, err error) {
	pr, pw, err := os.Pipe()
	if err != nil {
		return 0, 0, err
	}
	_, err = launch(dir, logger, nil, pr.Fd())
	pr.Close()
	if err != nil {
		pw.Close()
		return 0, 0, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		pw.Close()
		return 0, 0, err
	}
	defer null.Close()
	_, err = launch(dir, append([]string{b.limit}, writer...), nil, null.Fd(), pw.Fd())
	pw.Close()
	if err != nil {
		return 0, 0, err
	}
	statuses, err := reapAll()
	to = mono()
	for pid, ws := range statuses {
		if ws != 0 {
			err = errors.Join(err, fmt.Errorf("process %d ended with %v", pid, ws))
		}
	}
	all, e := notes(dir + "/notes")
	if e == nil && len(all) == 0 && len(writer) > 1 && writer[0] == "write" {
		e = errors.New("the writer noted nothing")
	}
	if len(all) > 0 {
		from = all[0].at
	}
	return from, to, errors.Join(err, e)
}

// throughServer has a supervisor run a writer; argv lacks the file for its notes.
func (b *bench) throughServer(p *peer, argv []string, total int64, width int) (from, to int64, cpu time.Duration, err error) {
	dir, err := b.folder()
	if err != nil {
		return 0, 0, 0, err
	}
	argv = slices.Insert(slices.Clone(argv), 2, dir+"/notes")
	keys := fmt.Sprintf("autostart=false\nstdout_logfile_maxbytes=%d\nstdout_logfile_backups=1000\n", rotateAt)
	run, err := p.start(b, p, dir, []program{{"w", argv, 1, keys}})
	if err != nil {
		return 0, 0, 0, err
	}
	err = poll("the server", 5*time.Millisecond, func() (bool, error) {
		out, _ := run.ctl("pid")
		return strings.TrimSpace(out) == fmt.Sprint(run.pid), nil
	})
	if err != nil {
		return 0, 0, 0, err
	}
	_, before, err := effort([]int{run.pid})
	if err != nil {
		return 0, 0, 0, err
	}
	if _, err := run.ctl("start", "w"); err != nil {
		return 0, 0, 0, err
	}
	logs := dir + "/w.stdout"
	err = poll("all of the log", time.Millisecond, func() (bool, error) { return written(logs) >= total, nil })
	to = mono()
	if err != nil {
		return 0, 0, 0, fmt.Errorf("%w: %d bytes of %d", err, written(logs), total)
	}
	_, after, err := effort([]int{run.pid})
	if err != nil {
		return 0, 0, 0, err
	}
	all, err := await(dir+"/notes", 2)
	if err != nil {
		return 0, 0, 0, err
	}
	_, err = run.quit()
	err = errors.Join(err, check(logs, total, width), b.sweep())
	return all[0].at, to, after - before, err
}

// written is the size of a log with all its backups.
func written(log string) int64 {
	sum := int64(0)
	files, _ := filepath.Glob(log + "*")
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			sum += st.Size()
		}
	}
	return sum
}

// pieces lists the files of a log, oldest first: a directory of s6-log's or
// svlogd's, whose names sort by time, or a file with numbered backups.
func pieces(log string) ([]string, error) {
	if st, err := os.Stat(log); err == nil && st.IsDir() {
		files, err := filepath.Glob(log + "/@*")
		slices.Sort(files)
		return append(files, log+"/current"), err
	}
	backups, err := filepath.Glob(log + ".*")
	number := func(name string) int {
		n, e := strconv.Atoi(name[len(log)+1:])
		if e != nil {
			err = e
		}
		return n
	}
	slices.SortFunc(backups, func(a, b string) int { return number(b) - number(a) })
	return append(backups, log), err
}

// check reads a log and says whether a line is missing, doubled, out of order or broken.
func check(log string, total int64, width int) error {
	files, err := pieces(log)
	if err != nil {
		return err
	}
	var readers []io.Reader
	for _, f := range files {
		file, err := os.Open(f)
		if err != nil {
			return err
		}
		defer file.Close()
		readers = append(readers, file)
	}
	in := bufio.NewReaderSize(io.MultiReader(readers...), mib)
	line := make([]byte, width)
	filler := strings.Repeat(".", width-13) + "\n"
	for i := range total / int64(width) {
		if _, err := io.ReadFull(in, line); err != nil {
			return fmt.Errorf("the log ends before line %d: %w", i, err)
		}
		n, err := strconv.ParseInt(string(line[:12]), 10, 64)
		if err != nil || n != i || string(line[12:]) != filler {
			return fmt.Errorf("line %d of the log is %.100q", i, line)
		}
	}
	if rest, err := io.Copy(io.Discard, in); err != nil || rest > 0 {
		return fmt.Errorf("the log has %d bytes too many (%v)", rest, err)
	}
	return nil
}

// noisy has fifty programs write at once, all from the same moment on: the sum, and how
// even their shares are when the first is done. The limit is a pipe and a copy for each;
// beside it stands a loop in C that is fair, as whoever is quickest is first with the limit.
func noisy(b *bench, r *row) error {
	for range b.rounds {
		for _, name := range append([]string{limit, fairLimit}, servers...) {
			if name != limit && name != fairLimit && b.peer(name) == nil {
				continue
			}
			if err := b.noise(r, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := b.sweep(); err != nil {
				return err
			}
		}
	}
	return nil
}

// noise is one round of noisy.
func (b *bench) noise(r *row, name string) error {
	const n, size, count, width = 50, 4096, 4096, 64
	const each = size * count
	dir, err := b.folder()
	if err != nil {
		return err
	}
	gate := dir + "/gate"
	if err := unix.Mkfifo(gate, 0o600); err != nil {
		return err
	}
	argv := []string{b.limit, "gate", gate, "write", dir + "/notes", fmt.Sprint(size), fmt.Sprint(count), fmt.Sprint(width)}
	logs := make([]string, n)
	for i := range logs {
		logs[i] = fmt.Sprintf("%s/p%d.stdout", dir, i)
	}
	var run *running
	switch name {
	case limit:
		err = b.pipes(dir, argv, logs)
	case fairLimit:
		if _, err = launch(dir, slices.Concat([]string{b.limit, "share", fmt.Sprint(n), dir}, argv), nil); err == nil {
			_, err = await(dir+"/ready", 1)
		}
	default:
		progs := make([]program, n)
		for i := range progs {
			progs[i] = program{fmt.Sprintf("p%d", i), argv, 1, fmt.Sprintf("stdout_logfile_maxbytes=%d\n", rotateAt)}
		}
		if run, err = b.peer(name).start(b, b.peer(name), dir, progs); err == nil {
			err = run.ready(n)
		}
	}
	if err != nil {
		return err
	}
	// Who comes late finds it open.
	open, err := os.OpenFile(gate, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer open.Close()
	share, got := 0.0, make([]int64, n)
	err = poll("all of the logs", 2*time.Millisecond, func() (bool, error) {
		for i, log := range logs {
			if st, err := os.Stat(log); err == nil {
				got[i] = st.Size()
			}
		}
		if share == 0 && slices.Max(got) == each {
			share = 100 * float64(slices.Min(got)) / each
		}
		return slices.Min(got) == each, nil
	})
	to := mono()
	if err != nil {
		return err
	}
	all, err := await(dir+"/notes", 2*n)
	if err != nil {
		return err
	}
	first := slices.MinFunc(all, func(a, b note) int { return int(a.at - b.at) }).at
	speed := float64(n*each) / mib / (float64(to-first) / 1e9)
	if name == fairLimit {
		r.also(fairLimit, limit, speed)
		r.also(fairShare, limit, share)
	} else {
		r.add(name, speed)
		r.also(leastShare, name, share)
	}
	if run != nil {
		if _, err := run.quit(); err != nil {
			return err
		}
	}
	for i, log := range logs {
		if err := check(log, each, width); err != nil {
			return fmt.Errorf("program %d: %w", i, err)
		}
	}
	return nil
}

// pipes starts a writer and a copy to each of the logs.
func (b *bench) pipes(dir string, writer, logs []string) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	for _, log := range logs {
		pr, pw, err := os.Pipe()
		if err != nil {
			return err
		}
		_, err = launch(dir, []string{b.limit, "copy", log}, nil, pr.Fd())
		if err == nil {
			_, err = launch(dir, writer, nil, null.Fd(), pw.Fd())
		}
		pr.Close()
		pw.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// oneLine measures a single line, from just before it is written until it can
// be read in the file. It is looked for without a pause.
func oneLine(b *bench, r *row) error {
	const count = 200
	args := []string{fmt.Sprint(count), "5000"}
	watch := func(name string, open func() (*os.File, error), begin func() error) error {
		if err := begin(); err != nil {
			return err
		}
		var file *os.File
		err := poll("a log", time.Millisecond, func() (bool, error) {
			var err error
			file, err = open()
			return err == nil, nil
		})
		if err != nil {
			return err
		}
		defer file.Close()
		buf := make([]byte, 21)
		var took []float64
		deadline := time.Now().Add(patience)
		for i := 0; i < count; {
			n, err := file.ReadAt(buf, int64(i*21))
			now := mono()
			if n < 21 {
				if time.Now().After(deadline) {
					return fmt.Errorf("line %d never came: %v", i, err)
				}
				continue
			}
			at, err := strconv.ParseInt(string(buf[:20]), 10, 64)
			if err != nil {
				return fmt.Errorf("line %d is %q", i, buf)
			}
			took = append(took, float64(now-at)/1e6)
			i++
		}
		r.add(name, median(took))
		return nil
	}
	for range b.rounds {
		dir, err := b.folder()
		if err != nil {
			return err
		}
		for _, name := range []string{limit, s6, runit} {
			dir, err := b.folder()
			if err != nil {
				return err
			}
			argv, log, err := b.logger(name, dir)
			if err != nil {
				return err
			}
			if argv == nil {
				continue
			}
			if name != limit {
				log += "/current"
			}
			done := make(chan error, 1)
			err = watch(name, func() (*os.File, error) { return os.Open(log) }, func() error {
				go func() {
					_, _, err := b.throughPipe(dir, argv, append([]string{"tick"}, append(args, "once")...))
					done <- err
				}()
				return nil
			})
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := <-done; err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		for _, name := range servers {
			p := b.peer(name)
			if p == nil {
				continue
			}
			sub := filepath.Join(dir, name)
			if err := os.Mkdir(sub, 0o755); err != nil {
				return err
			}
			var run *running
			err := watch(name, func() (*os.File, error) { return os.Open(sub + "/t.stdout") }, func() error {
				var err error
				run, err = p.start(b, p, sub, []program{{"t", append([]string{b.limit, "tick"}, args...), 1, ""}})
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if _, err := run.quit(); err != nil {
				return err
			}
		}
	}
	return nil
}

// callsLog counts system calls for each MiB of log.
func callsLog(b *bench, r *row) error {
	const size, count = 65536, 512
	return b.each(r, servers, func(p *peer) (float64, error) {
		dir, err := b.folder()
		if err != nil {
			return 0, err
		}
		argv := []string{b.limit, "write", dir + "/notes", fmt.Sprint(size), fmt.Sprint(count), fmt.Sprint(width64K)}
		run, err := p.start(b, p, dir, []program{{"w", argv, 1, "autostart=false\n"}})
		if err != nil {
			return 0, err
		}
		err = poll("the server", 5*time.Millisecond, func() (bool, error) {
			out, _ := run.ctl("pid")
			return strings.TrimSpace(out) == fmt.Sprint(run.pid), nil
		})
		if err != nil {
			return 0, err
		}
		n, err := b.calls(run, func() error {
			if _, err := run.ctl("start", "w"); err != nil {
				return err
			}
			return poll("all of the log", time.Millisecond, func() (bool, error) {
				return written(dir+"/w.stdout") >= size*count, nil
			})
		})
		_, e := run.quit()
		return n / (size * count / mib), errors.Join(err, e, b.sweep())
	})
}
