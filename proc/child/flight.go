package child

import "os"

// To start one child is to wait, for the most part: until the kernel has found and mapped
// its program. So where there are several, the next one is forked while the one before it
// is on its way. They are forked in the order of their jobs and told of in that order; who
// of them first executes its program is up to the kernel.
const (
	maxFlying = 4 // more have nothing to win even where processors idle: it is one thread that forks

	// So many more jobs are prepared, so much sooner are descriptors opened that only a
	// child needs.
	maxPrepared = 4
)

// flight is a child on its way to its program.
type flight struct {
	launcher
	job   *Job
	spec  *Spec
	files []uintptr
	done  func() // closes what is neither the child's nor ours
}

// prepared is what Prepare has made for a job.
type prepared struct {
	spec *Spec
	err  error
}

// preparation is a row of jobs that are prepared in a goroutine of its own.
type preparation struct {
	made chan prepared
	left int        // that have yet to come from there
	have []prepared // came from there before their time
}

func prepareAside(row []letter) *preparation {
	p := &preparation{made: make(chan prepared, maxPrepared-1), left: len(row)}
	go func() {
		for _, l := range row {
			var one prepared
			one.spec, one.err = l.spawn.Prepare()
			p.made <- one
		}
	}()
	return p
}

// next returns the next one if it is there, or if it is waited for.
func (p *preparation) next(wait bool) (one prepared, ok bool) {
	if len(p.have) > 0 {
		one, p.have = p.have[0], p.have[1:]
		return one, true
	}
	if wait {
		p.left--
		return <-p.made, true
	}
	select {
	case one = <-p.made:
		p.left--
		return one, true
	default:
		return one, false
	}
}

// finish waits until all of them are prepared.
func (p *preparation) finish() {
	for ; p.left > 0; p.left-- {
		p.have = append(p.have, <-p.made)
	}
}

// spawnRow performs jobs between which there is nothing else to do.
func (t *Table) spawnRow(row []letter) {
	for len(row) > 0 {
		n := t.together(row)
		if n < 2 {
			n = 1
			t.spawn(row[0].spawn)
		} else {
			t.spawnTogether(row[:n])
		}
		row = row[n:]
	}
	t.flush()
}

// together tells how many jobs at the beginning of a row can be under way at once.
func (t *Table) together(row []letter) (n int) {
	keys := make(map[Key]bool, len(row))
	for _, l := range row {
		j := l.spawn
		if !j.Ahead || !t.free(j.Key) || keys[j.Key] {
			break
		}
		keys[j.Key] = true
		n++
	}
	return n
}

// spawnTogether performs jobs, of which one is prepared while another is forked and others
// are on their way.
func (t *Table) spawnTogether(row []letter) {
	for _, l := range row {
		if l.spawn.Begin != nil {
			l.spawn.Begin()
		}
	}
	t.preparing = prepareAside(row)
	for _, l := range row {
		p, ok := t.preparing.next(false)
		for !ok && len(t.flying) > 0 {
			t.land(len(t.flying) - 1)
			p, ok = t.preparing.next(false)
		}
		if !ok {
			// A disk may hang; what has happened before is told.
			t.flush()
			p, _ = t.preparing.next(true)
		}
		t.land(maxFlying - 1)
		switch {
		case p.err != nil:
			t.land(0)
			t.fail(l.spawn.Key, p.err)
		case !t.fly(l.spawn, p.spec):
			t.land(0)
			t.launch(l.spawn, p.spec)
		}
	}
	t.land(0)
	t.preparing = nil
}

// fly starts the child of a job, if it can be done the fast way, and does not wait for it.
func (t *Table) fly(j *Job, s *Spec) bool {
	if s.Inherit || s.Cgroup != nil || !s.quick() {
		return false
	}
	files, done, err := stdio(s)
	if err != nil {
		return false
	}
	if len(t.hangar)+len(t.flying) == 0 {
		for range maxFlying {
			f := new(flight)
			_ = f.pad.reserve() // as early as that of who waits, and all of them
			t.hangar = append(t.hangar, f)
		}
	}
	f := t.hangar[len(t.hangar)-1]
	if !f.fly(s.Path, s.Argv, s.attr(files)) {
		done()
		return false
	}
	t.hangar = t.hangar[:len(t.hangar)-1]
	f.job, f.spec, f.files, f.done = j, s, files, done
	t.flying = append(t.flying, f)
	return true
}

// land tells of those who have executed their programs, and waits until no more than n are
// on their way.
func (t *Table) land(n int) {
	for len(t.flying) > n || len(t.flying) > 0 && t.flying[0].landed() {
		f := t.flying[0]
		copy(t.flying, t.flying[1:])
		t.flying = t.flying[:len(t.flying)-1]
		var executed *os.File
		pid, err := f.land()
		if err != nil {
			pid, executed, err = t.startSlowly(f.spec, f.files, err)
		}
		f.done()
		j, s := f.job, f.spec
		f.job, f.spec, f.files, f.done = nil, nil, nil, nil
		t.hangar = append(t.hangar, f)
		t.tell(j, s, pid, executed, err)
	}
}

// fail says that there is no child, when nobody is preparing another: who hears of it may
// touch what that does.
func (t *Table) fail(k Key, err error) {
	if t.preparing != nil {
		t.flush()
		t.preparing.finish()
	}
	t.observer.Failed(k, err)
}

// closePads closes what forks keep open.
func (t *Table) closePads() {
	t.launcher.pad.close()
	for _, f := range t.hangar {
		f.pad.close()
	}
}
