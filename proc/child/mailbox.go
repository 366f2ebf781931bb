package child

import "sync"

// letter is one thing to do: a child to start, or anything else.
type letter struct {
	spawn *Job
	do    func() // where spawn is nil
}

// mailbox is an unbounded queue of things to do on the table's goroutine. Any
// goroutine may put; only the table's takes.
type mailbox struct {
	mu   sync.Mutex
	jobs []letter
	ring func() // wakes who takes
}

// put appends a job. It never blocks.
func (m *mailbox) put(job letter) {
	m.mu.Lock()
	m.jobs = append(m.jobs, job)
	first := len(m.jobs) == 1
	m.mu.Unlock()
	if first {
		m.ring()
	}
}

// take returns all queued jobs, oldest first, and leaves the mailbox empty.
func (m *mailbox) take() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	jobs := m.jobs
	m.jobs = nil
	return jobs
}
