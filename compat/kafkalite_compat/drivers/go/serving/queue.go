package serving

import (
	"sync"
	"time"
)

// Queue is between a library that hands messages over as they come, and poll.
type Queue[M any] struct {
	placeOf  func(M) TopicPartition
	mutex    sync.Mutex
	messages []M
	failure  error
	paused   map[TopicPartition]bool
	changed  chan struct{} // holds one while there may be news
}

// NewQueue makes an empty queue; placeOf tells which partition a message is of.
func NewQueue[M any](placeOf func(M) TopicPartition) *Queue[M] {
	return &Queue[M]{placeOf: placeOf, paused: map[TopicPartition]bool{}, changed: make(chan struct{}, 1)}
}

func (q *Queue[M]) Put(message M) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.messages = append(q.messages, message)
	q.news()
}

// Fail has the next Take fail.
func (q *Queue[M]) Fail(err error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.failure = err
	q.news()
}

// Drop forgets what a partition has left: it is no longer ours, or is read from elsewhere.
func (q *Queue[M]) Drop(where TopicPartition) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	kept := q.messages[:0]
	for _, message := range q.messages {
		if q.placeOf(message) != where {
			kept = append(kept, message)
		}
	}
	q.messages = kept
}

// Pause has Take pass over a partition, or not any more.
func (q *Queue[M]) Pause(where TopicPartition, paused bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.paused[where] = paused
	q.news()
}

// Take waits until there is something, and gives at most limit of what there is.
func (q *Queue[M]) Take(limit int, wait time.Duration) ([]M, error) {
	deadline := time.After(wait)
	for {
		if taken, err := q.takeNow(limit); len(taken) > 0 || err != nil {
			return taken, err
		}
		select {
		case <-q.changed:
		case <-deadline:
			return q.takeNow(limit)
		}
	}
}

func (q *Queue[M]) takeNow(limit int) ([]M, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if err := q.failure; err != nil {
		q.failure = nil
		return nil, err
	}
	var taken, left []M
	for _, message := range q.messages {
		if len(taken) < limit && !q.paused[q.placeOf(message)] {
			taken = append(taken, message)
		} else {
			left = append(left, message)
		}
	}
	q.messages = left
	return taken, nil
}

func (q *Queue[M]) news() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}
