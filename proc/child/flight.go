package child

import "os"

// To start one child is to wait, for the most part: until the kernel has found and mapped
// its program. So where there are several, the next one is forked while the one before it
// is on its way. They are forked in the order of their jobs and told of in that order; who
// of them first executes its program is up to the kernel.
const (
	maxFlying = 4 // more have nothing to win even where processors idle: it is one thread that forks

	// So many jobs are prepared ahead: each has three descriptors open that only its child
	// needs.
	maxPrepared = 4
)

// flight is a child on its way to its program.
type flight struct {
	launcher
	pid   int
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
	turn chan struct{} // has room for whoever prepares, or tells of a failure
}

func prepareAside(row []letter) *preparation {
	p := &preparation{made: make(chan prepared, maxPrepared-1), turn: make(chan struct{}, 1)}
	go func() {
		for _, l := range row {
			var one prepared
			p.turn <- struct{}{}
			one.spec, one.err = l.spawn.Prepare()
			<-p.turn
			p.made <- one
		}
	}()
	return p
}

// next returns the next one, if it is there.
func (p *preparation) next() (one prepared, ok bool) {
	select {
	case one = <-p.made:
		return one, true
	default:
		return one, false
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
	if t.hangar == nil && !noVfork.Load() && !noClone3.Load() {
		for range maxFlying {
			f := new(flight)
			_ = f.pad.reserve() // now, before there is much open: the numbers are to be low
			t.hangar = append(t.hangar, f)
		}
	}
	t.preparing = prepareAside(row)
	for _, l := range row {
		p, ok := t.preparing.next()
		for !ok && len(t.flying) > 0 {
			t.land(len(t.flying) - 1)
			p, ok = t.preparing.next()
		}
		if !ok {
			// A disk may hang; what has happened before is told.
			t.flush()
			p = <-t.preparing.made
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
	if noVfork.Load() || noClone3.Load() { // as was found out meanwhile
		t.closeHangar()
	}
}

// fly starts the child of a job, if it can be done the fast way, and does not wait for it.
// Should one hang on its way, those after it are not told of, although they may have
// executed their programs, and nobody else is seen to: as with any child that is waited for.
func (t *Table) fly(j *Job, s *Spec) bool {
	if len(t.hangar) == 0 || !mayBegin() || s.Inherit || s.Cgroup != nil || !s.quick() {
		return false
	}
	files, done, err := stdio(s)
	if err != nil {
		return false
	}
	f := t.hangar[len(t.hangar)-1]
	pid, ok := f.begin(s.Path, s.Argv, s.attr(files))
	if !ok {
		done()
		return false
	}
	t.hangar = t.hangar[:len(t.hangar)-1]
	f.pid, f.job, f.spec, f.files, f.done = pid, j, s, files, done
	t.flying = append(t.flying, f)
	return true
}

// land tells of those who have executed their programs, and waits until no more than n are
// on their way.
func (t *Table) land(n int) {
	for len(t.flying) > n || len(t.flying) > 0 && t.flying[0].over() {
		f := t.flying[0]
		copy(t.flying, t.flying[1:])
		t.flying = t.flying[:len(t.flying)-1]
		var executed *os.File
		pid, err := f.pid, f.end(f.pid)
		if err != nil {
			pid, executed, err = t.startSlowly(f.spec, f.files, err)
		}
		f.done()
		j, s := f.job, f.spec
		f.pid, f.job, f.spec, f.files, f.done = 0, nil, nil, nil, nil
		t.hangar = append(t.hangar, f)
		t.tell(j, s, pid, executed, err)
	}
}

// fail says that there is no child, while nobody is preparing another: who hears of it may
// touch what that does. It waits for a preparation that has begun.
func (t *Table) fail(k Key, err error) {
	if p := t.preparing; p != nil {
		t.flush() // it may take its time
		p.turn <- struct{}{}
		defer func() { <-p.turn }()
	}
	t.observer.Failed(k, err)
}

// closePads closes what forks keep open.
func (t *Table) closePads() {
	t.launcher.pad.close()
	t.closeHangar()
}

func (t *Table) closeHangar() {
	for _, f := range t.hangar {
		f.pad.close()
	}
	t.hangar = nil
}
