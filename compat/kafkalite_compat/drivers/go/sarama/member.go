package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"compat/serving"
)

// errorsWithin is how long it may take until a failed commit is heard of: sarama tells it beside the call.
const errorsWithin = 50 * time.Millisecond

// member reads as a member of a group. It is the handler of its group: Setup, ConsumeClaim and Cleanup are called by sarama.
type member struct {
	consumer *consumer
	group    sarama.ConsumerGroup
	topics   []string
	ended    sync.WaitGroup

	mutex   sync.Mutex
	session sarama.ConsumerGroupSession // nil while there is none
	again   context.CancelFunc          // ends the session, so that another begins
	closed  bool
	seeks   map[place]int64 // where the next session is to begin
	claims  map[place]bool
	events  []serving.Event
	failure error // the last that came beside the calls
}

func (d *driver) subscribe(fields serving.Subscribe) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if fields.Pattern != nil {
		return nil, serving.Unsupported("a ConsumerGroup of sarama's is given names of topics, no pattern")
	}
	if c.fields.Group == nil {
		return nil, serving.Unsupported("only a ConsumerGroup subscribes")
	}
	if old, ok := c.reading.(*member); ok {
		old.subscribe(fields.Topics)
		return serving.Done, nil
	}
	if c.reading != nil {
		if err := c.reading.close(); err != nil {
			return nil, err
		}
	}
	group, err := sarama.NewConsumerGroup(d.addresses, *c.fields.Group, c.config)
	if err != nil {
		return nil, err
	}
	made := &member{
		consumer: c, group: group, topics: fields.Topics, seeks: map[place]int64{}, claims: map[place]bool{},
	}
	c.reading = made
	made.ended.Add(1)
	go made.run()
	go made.listen()
	return serving.Done, nil
}

// run has one session after another.
func (m *member) run() {
	defer m.ended.Done()
	for {
		m.mutex.Lock()
		if m.closed {
			m.mutex.Unlock()
			return
		}
		ctx, again := context.WithCancel(context.Background())
		m.again = again
		topics := m.topics
		m.mutex.Unlock()
		err := m.group.Consume(ctx, topics, m)
		again()
		if err == nil || errors.Is(err, context.Canceled) {
			continue
		}
		sarama.Logger.Println("consume:", err)
		if fatal(err) {
			m.consumer.queue.Fail(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// fatal is what does not go away by itself.
func fatal(err error) bool {
	var code sarama.KError
	if !errors.As(err, &code) {
		return errors.Is(err, sarama.ErrClosedConsumerGroup)
	}
	return !slices.Contains([]sarama.KError{
		sarama.ErrLeaderNotAvailable, sarama.ErrNotLeaderForPartition, sarama.ErrRequestTimedOut,
		sarama.ErrOffsetsLoadInProgress, sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotCoordinatorForConsumer,
		sarama.ErrRebalanceInProgress, sarama.ErrUnknownMemberId, sarama.ErrIllegalGeneration,
		sarama.ErrUnknownTopicOrPartition,
	}, code)
}

func (m *member) listen() {
	for err := range m.group.Errors() {
		sarama.Logger.Println("group:", err)
		m.mutex.Lock()
		m.failure = err
		m.mutex.Unlock()
	}
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.session = session
	var claimed []place
	for topic, partitions := range session.Claims() {
		for _, partition := range partitions {
			where := place{Topic: topic, Partition: partition}
			claimed = append(claimed, where)
			m.claims[where] = true
			if offset, sought := m.seeks[where]; sought {
				moveTo(session, where, offset, "")
				delete(m.seeks, where)
			}
		}
	}
	m.events = append(m.events, serving.Event{Kind: "assigned", Partitions: serving.List(claimed)})
	return nil
}

// moveTo: sarama has one call for forward and one for back.
func moveTo(session sarama.ConsumerGroupSession, where place, offset int64, metadata string) {
	session.MarkOffset(where.Topic, where.Partition, offset, metadata)
	session.ResetOffset(where.Topic, where.Partition, offset, metadata)
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	where := place{Topic: claim.Topic(), Partition: claim.Partition()}
	m.claimed(where)
	defer m.released(session, where)
	for {
		select {
		case message, more := <-claim.Messages():
			if !more {
				return nil
			}
			m.consumer.queue.Put(message)
		case <-session.Context().Done():
			return nil
		}
	}
}

// claimed and released: a cooperative session goes on while partitions come and go.
func (m *member) claimed(where place) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if !m.claims[where] {
		m.claims[where] = true
		m.events = append(m.events, serving.Event{Kind: "assigned", Partitions: []place{where}})
	}
}

func (m *member) released(session sarama.ConsumerGroupSession, where place) {
	m.consumer.queue.Drop(where)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if session.Context().Err() == nil {
		delete(m.claims, where)
		m.events = append(m.events, serving.Event{Kind: "revoked", Partitions: []place{where}})
	}
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.session = nil
	var revoked []place
	for where := range m.claims {
		revoked = append(revoked, where)
	}
	clear(m.claims)
	m.events = append(m.events, serving.Event{Kind: "revoked", Partitions: serving.List(revoked)})
	return nil
}

func (m *member) subscribe(topics []string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.topics = topics
	m.again()
}

// seek: a session reads on from where it began; so it is ended, and the next one begins elsewhere.
func (m *member) seek(where place, to serving.At) error {
	offset, err := m.consumer.offsetOf(where, to)
	if err != nil {
		return err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.seeks[where] = offset
	m.consumer.next[where] = offset
	m.again()
	return nil
}

func (m *member) pause(partitions map[string][]int32, paused bool) {
	if paused {
		m.group.Pause(partitions)
	} else {
		m.group.Resume(partitions)
	}
}

// mark has the next automatic commit tell what poll has given.
func (m *member) mark(messages []*sarama.ConsumerMessage) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, message := range messages {
		if m.session != nil {
			m.session.MarkMessage(message, "")
		}
	}
}

func (m *member) commit(offsets []serving.CommittedOffset) error {
	m.mutex.Lock()
	session := m.session
	m.failure = nil
	m.mutex.Unlock()
	if session == nil {
		return serving.NamedFailure("NoSession", "the member is between two sessions")
	}
	for _, one := range offsets {
		metadata := ""
		if one.Metadata != nil {
			metadata = *one.Metadata
		}
		moveTo(session, place{Topic: one.Topic, Partition: one.Partition}, *one.Offset, metadata)
	}
	session.Commit()
	time.Sleep(errorsWithin)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.failure
}

func (m *member) assignment() map[string]any {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var partitions []place
	for where := range m.claims {
		partitions = append(partitions, where)
	}
	answer := map[string]any{"partitions": serving.List(partitions), "member_id": nil, "generation": nil}
	if m.session != nil {
		answer["member_id"], answer["generation"] = m.session.MemberID(), m.session.GenerationID()
	}
	return answer
}

func (m *member) takeEvents() []serving.Event {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	events := serving.List(m.events)
	m.events = nil
	return events
}

func (m *member) close() error {
	m.mutex.Lock()
	m.closed = true
	m.mutex.Unlock()
	err := m.group.Close()
	m.ended.Wait()
	return err
}
