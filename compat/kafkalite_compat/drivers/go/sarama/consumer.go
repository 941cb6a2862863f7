package main

import (
	"github.com/IBM/sarama"

	"compat/serving"
)

type place = serving.TopicPartition

// reading is how a consumer reads: partitions that it was assigned, or as a member of a group.
type reading interface {
	seek(where place, to serving.At) error
	pause(partitions map[string][]int32, paused bool)
	assignment() map[string]any
	close() error
}

type consumer struct {
	driver  *driver
	fields  serving.OpenConsumer
	config  *sarama.Config
	queue   *serving.Queue[*sarama.ConsumerMessage]
	next    map[place]int64 // the offset that poll gives next, where it is known
	reading reading         // nil before assign or subscribe
}

func (d *driver) consumerOps() map[string]serving.Op {
	return map[string]serving.Op{
		"open_consumer":  serving.Step(serving.ConsumerDefaults, d.openConsumer),
		"assign":         serving.Step(serving.Assign{}, d.assign),
		"subscribe":      serving.Step(serving.Subscribe{}, d.subscribe),
		"poll":           serving.Step(serving.PollDefaults, d.poll),
		"assignment":     serving.Step(serving.Consumer{}, d.assignment),
		"rebalances":     serving.Step(serving.Consumer{}, d.rebalances),
		"seek":           serving.Step(serving.Seek{}, d.seek),
		"position":       serving.Step(serving.Position{}, d.position),
		"commit_offsets": serving.Step(serving.CommitOffsets{}, d.commitOffsets),
		"committed":      serving.Step(serving.ConsumerPartitions{}, d.committed),
		"pause":          serving.Step(serving.ConsumerPartitions{}, d.paused(true)),
		"resume":         serving.Step(serving.ConsumerPartitions{}, d.paused(false)),
		"close_consumer": serving.Step(serving.Consumer{}, d.closeConsumer),
	}
}

func (d *driver) openConsumer(fields serving.OpenConsumer) (any, error) {
	config, err := consumerConfig(fields)
	if err != nil {
		return nil, err
	}
	d.consumers.Open(fields.Consumer, &consumer{
		driver: d, fields: fields, config: config, queue: serving.NewQueue(placeOf), next: map[place]int64{},
	})
	return serving.Done, nil
}

func consumerConfig(fields serving.OpenConsumer) (*sarama.Config, error) {
	if fields.Protocol != "classic" {
		return nil, serving.Unsupported("sarama has only the classic group protocol")
	}
	if fields.MaxPollIntervalMs != nil {
		return nil, serving.Unsupported("sarama has no limit between two polls: a member stays as long as its heartbeats go on")
	}
	if fields.FetchMaxBytes != nil && !setFetchMaxBytes(sarama.NewConfig(), *fields.FetchMaxBytes) {
		return nil, serving.Unsupported("sarama has no limit for the size of a whole fetch in this version")
	}
	config := newConfig()
	config.Consumer.Return.Errors = true
	config.Metadata.AllowAutoTopicCreation = fields.AllowAutoCreate
	config.Consumer.Offsets.AutoCommit.Enable = fields.AutoCommit
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	switch fields.Reset {
	case "latest":
		config.Consumer.Offsets.Initial = sarama.OffsetNewest
	case "none":
		if fields.Group != nil {
			return nil, serving.Unsupported("a group of sarama's always starts somewhere: it cannot fail for want of an offset")
		}
	}
	if fields.Isolation == "read_committed" {
		config.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	if fields.AutoCommitIntervalMs != nil {
		config.Consumer.Offsets.AutoCommit.Interval = serving.Ms(*fields.AutoCommitIntervalMs)
	}
	if fields.PartitionFetchBytes != nil {
		config.Consumer.Fetch.Default = int32(*fields.PartitionFetchBytes)
	}
	if fields.FetchMaxBytes != nil {
		setFetchMaxBytes(config, *fields.FetchMaxBytes)
	}
	if fields.FetchMinBytes != nil {
		config.Consumer.Fetch.Min = int32(*fields.FetchMinBytes)
	}
	if fields.FetchMaxWaitMs != nil {
		config.Consumer.MaxWaitTime = serving.Ms(*fields.FetchMaxWaitMs)
	}
	return config, groupConfig(config, fields)
}

func groupConfig(config *sarama.Config, fields serving.OpenConsumer) error {
	group := &config.Consumer.Group
	if fields.Assignor != nil {
		strategy, err := serving.OneOf("the assignor", *fields.Assignor, strategies())
		if err != nil {
			return err
		}
		group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	}
	if fields.InstanceID != nil {
		group.InstanceId = *fields.InstanceID
	}
	if fields.SessionTimeoutMs != nil {
		group.Session.Timeout = serving.Ms(*fields.SessionTimeoutMs)
		group.Heartbeat.Interval = min(group.Heartbeat.Interval, group.Session.Timeout/3)
	}
	if fields.HeartbeatIntervalMs != nil {
		group.Heartbeat.Interval = serving.Ms(*fields.HeartbeatIntervalMs)
	}
	return nil
}

func (d *driver) poll(fields serving.Poll) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	messages, err := c.queue.Take(fields.MaxRecords, serving.Ms(fields.TimeoutMs))
	if err != nil {
		return nil, err
	}
	var polled []serving.Polled
	for _, message := range messages {
		one := serving.Polled{
			Topic: message.Topic, Partition: message.Partition, Offset: message.Offset,
			TimestampMs: message.Timestamp.UnixMilli(), Key: message.Key, Value: message.Value,
			Headers: []serving.Header{},
		}
		for _, header := range message.Headers {
			one.Headers = append(one.Headers, serving.Header{Name: string(header.Key), Value: header.Value})
		}
		c.next[placeOf(message)] = message.Offset + 1
		polled = append(polled, one)
	}
	if member, ok := c.reading.(*member); ok && c.fields.AutoCommit {
		member.mark(messages)
	}
	return serving.Records(polled), nil
}

func (d *driver) assignment(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.reading == nil {
		return map[string]any{"partitions": []place{}}, nil
	}
	return c.reading.assignment(), nil
}

func (d *driver) rebalances(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	events := []serving.Event{}
	if member, ok := c.reading.(*member); ok {
		events = member.takeEvents()
	}
	return map[string]any{"events": events}, nil
}

func (d *driver) seek(fields serving.Seek) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.reading == nil {
		return nil, serving.NamedFailure("BadStep", "seek before assign or subscribe")
	}
	return serving.Done, c.reading.seek(place{Topic: fields.Topic, Partition: fields.Partition}, fields.Offset)
}

// position: sarama tells none; where poll has given nothing yet it is where the consumer starts.
func (d *driver) position(fields serving.Position) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	where := place{Topic: fields.Topic, Partition: fields.Partition}
	if next, known := c.next[where]; known {
		return map[string]any{"offset": next}, nil
	}
	if _, member := c.reading.(*member); member {
		found, err := d.committedAt(*c.fields.Group, []place{where})
		if err != nil || found[0].Offset != nil {
			return map[string]any{"offset": found[0].Offset}, err
		}
	}
	offset, err := c.offsetOf(where, serving.At{Word: c.fields.Reset})
	return map[string]any{"offset": offset}, err
}

// offsetOf is a place as a number, now.
func (c *consumer) offsetOf(where place, at serving.At) (int64, error) {
	if at.Word == "" {
		return at.Number, nil
	}
	timestamp, err := serving.OneOf("the place", at.Word, timestamps)
	if err != nil {
		return 0, err
	}
	found, err := c.driver.listed(where, timestamp, c.config.Consumer.IsolationLevel)
	if err != nil {
		return 0, err
	}
	return found.Offset, nil
}

func (d *driver) commitOffsets(fields serving.CommitOffsets) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.fields.Group == nil {
		return nil, serving.NamedFailure("NoGroup", "the consumer has no group")
	}
	offsets := fields.Offsets
	if offsets == nil {
		for where, next := range c.next {
			offsets = append(offsets, serving.CommittedOffset{Topic: where.Topic, Partition: where.Partition, Offset: &next})
		}
	}
	if member, ok := c.reading.(*member); ok {
		return serving.Done, member.commit(offsets)
	}
	return serving.Done, d.commitFromOutside(*c.fields.Group, offsets)
}

func (d *driver) committed(fields serving.ConsumerPartitions) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.fields.Group == nil {
		return nil, serving.NamedFailure("NoGroup", "the consumer has no group")
	}
	offsets, err := d.committedAt(*c.fields.Group, fields.Partitions)
	return map[string]any{"offsets": offsets}, err
}

func (d *driver) paused(paused bool) func(serving.ConsumerPartitions) (any, error) {
	return func(fields serving.ConsumerPartitions) (any, error) {
		c, err := d.consumers.Get(fields.Consumer)
		if err != nil {
			return nil, err
		}
		for _, where := range fields.Partitions {
			c.queue.Pause(where, paused)
		}
		c.reading.pause(byTopic(fields.Partitions), paused)
		return serving.Done, nil
	}
}

func (d *driver) closeConsumer(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Take(fields.Consumer)
	if err != nil || c.reading == nil {
		return serving.Done, err
	}
	return serving.Done, c.reading.close()
}

func byTopic(partitions []place) map[string][]int32 {
	topics := map[string][]int32{}
	for _, where := range partitions {
		topics[where.Topic] = append(topics[where.Topic], where.Partition)
	}
	return topics
}

func placeOf(message *sarama.ConsumerMessage) place {
	return place{Topic: message.Topic, Partition: message.Partition}
}
