package main

import (
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"compat/serving"
)

type place = serving.TopicPartition

// queue is between the readers of partitions, one each, and poll.
type queue struct {
	mutex    sync.Mutex
	messages []kafka.Message
	failure  error
	changed  chan struct{} // holds one while there may be news
}

func newQueue() *queue { return &queue{changed: make(chan struct{}, 1)} }

func (q *queue) put(message kafka.Message) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.messages = append(q.messages, message)
	q.news()
}

// fail has the next poll fail.
func (q *queue) fail(err error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.failure = err
	q.news()
}

func (q *queue) news() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// drop forgets what a partition has left: it is no longer ours, or is read from elsewhere.
func (q *queue) drop(where place) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	kept := q.messages[:0]
	for _, message := range q.messages {
		if placeOf(message) != where {
			kept = append(kept, message)
		}
	}
	q.messages = kept
}

// take waits until there is something, and gives at most limit of what there is.
func (q *queue) take(limit int, wait time.Duration) ([]kafka.Message, error) {
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

func (q *queue) takeNow(limit int) ([]kafka.Message, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if err := q.failure; err != nil {
		q.failure = nil
		return nil, err
	}
	count := min(limit, len(q.messages))
	taken := q.messages[:count:count]
	q.messages = q.messages[count:]
	return taken, nil
}

func placeOf(message kafka.Message) place {
	return place{Topic: message.Topic, Partition: int32(message.Partition)}
}
