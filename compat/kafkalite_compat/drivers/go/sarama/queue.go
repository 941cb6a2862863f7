package main

import (
	"sync"
	"time"

	"github.com/IBM/sarama"

	"compat/serving"
)

type place = serving.TopicPartition

// queue is between sarama, which hands records over as they come, and poll.
type queue struct {
	mutex    sync.Mutex
	messages []*sarama.ConsumerMessage
	failure  error
	paused   map[place]bool
	changed  chan struct{} // holds one while there may be news
}

func newQueue() *queue { return &queue{paused: map[place]bool{}, changed: make(chan struct{}, 1)} }

func (q *queue) put(message *sarama.ConsumerMessage) {
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
func (q *queue) take(limit int, wait time.Duration) ([]*sarama.ConsumerMessage, error) {
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

func (q *queue) takeNow(limit int) ([]*sarama.ConsumerMessage, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if err := q.failure; err != nil {
		q.failure = nil
		return nil, err
	}
	var taken, left []*sarama.ConsumerMessage
	for _, message := range q.messages {
		if len(taken) < limit && !q.paused[placeOf(message)] {
			taken = append(taken, message)
		} else {
			left = append(left, message)
		}
	}
	q.messages = left
	return taken, nil
}

func (q *queue) pause(where place, paused bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.paused[where] = paused
	q.news()
}

func placeOf(message *sarama.ConsumerMessage) place {
	return place{Topic: message.Topic, Partition: message.Partition}
}
