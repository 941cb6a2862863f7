package main

import (
	"context"
	"errors"
	"log"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"compat/serving"
)

// member of a group: from generation to generation it reads the partitions that it is given.
type member struct {
	group *kafka.ConsumerGroup
	ended sync.WaitGroup

	mutex      sync.Mutex
	generation *kafka.Generation // nil between two
	partitions *partitions
	events     []serving.Event
}

func (c *consumer) groupConfig(addresses []string, topics []string) kafka.ConsumerGroupConfig {
	config := kafka.ConsumerGroupConfig{
		ID: *c.fields.Group, Brokers: addresses, Topics: topics, StartOffset: places[c.fields.Reset],
		WatchPartitionChanges: true, JoinGroupBackoff: 500 * time.Millisecond, ErrorLogger: logged(),
	}
	if c.fields.Assignor != nil {
		config.GroupBalancers = []kafka.GroupBalancer{balancers[*c.fields.Assignor]}
	}
	if c.fields.SessionTimeoutMs != nil {
		config.SessionTimeout = serving.Ms(*c.fields.SessionTimeoutMs)
		config.HeartbeatInterval = min(3*time.Second, config.SessionTimeout/3)
	}
	if c.fields.HeartbeatIntervalMs != nil {
		config.HeartbeatInterval = serving.Ms(*c.fields.HeartbeatIntervalMs)
	}
	return config
}

func join(c *consumer, addresses []string, topics []string) (*member, error) {
	group, err := kafka.NewConsumerGroup(c.groupConfig(addresses, topics))
	if err != nil {
		return nil, err
	}
	m := &member{group: group, partitions: newPartitions(c.config, c.fields.Reset, c.queue)}
	m.ended.Add(1)
	go m.run()
	return m, nil
}

// run has one generation after another; the group says when one has ended by ending what Start has started.
func (m *member) run() {
	defer m.ended.Done()
	for {
		generation, err := m.group.Next(context.Background())
		if errors.Is(err, kafka.ErrGroupClosed) {
			return
		}
		if err != nil {
			log.Println("joining:", err) // Next has waited for JoinGroupBackoff
			continue
		}
		m.assigned(generation)
		over := make(chan struct{})
		generation.Start(func(ctx context.Context) {
			<-ctx.Done()
			m.revoked()
			close(over)
		})
		<-over
	}
}

func (m *member) assigned(generation *kafka.Generation) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.generation = generation
	for topic, assignments := range generation.Assignments {
		for _, one := range assignments {
			if err := m.partitions.start(place{Topic: topic, Partition: int32(one.ID)}, one.Offset); err != nil {
				m.partitions.queue.Fail(err)
			}
		}
	}
	m.events = append(m.events, serving.Event{Kind: "assigned", Partitions: m.partitions.list()})
}

func (m *member) revoked() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.generation = nil
	m.events = append(m.events, serving.Event{Kind: "revoked", Partitions: m.partitions.list()})
	if err := m.partitions.closeAll(); err != nil {
		log.Println("closing readers:", err)
	}
}

func (m *member) seek(where place, offset int64) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.partitions.seek(where, offset)
}

// identity is the generation and the member's id, by which commits are accepted.
func (m *member) identity() (int, string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.generation == nil {
		return -1, ""
	}
	return int(m.generation.ID), m.generation.MemberID
}

func (m *member) assignment() map[string]any {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	answer := map[string]any{"partitions": m.partitions.list(), "member_id": nil, "generation": nil}
	if m.generation != nil {
		answer["member_id"], answer["generation"] = m.generation.MemberID, m.generation.ID
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

func (m *member) leave() error {
	err := m.group.Close()
	m.ended.Wait()
	return err
}
