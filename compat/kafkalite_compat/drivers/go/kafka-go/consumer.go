package main

import (
	"context"
	"errors"
	"time"

	"github.com/segmentio/kafka-go"

	"compat/serving"
)

type place = serving.TopicPartition

var places = map[string]int64{"earliest": kafka.FirstOffset, "latest": kafka.LastOffset}

var balancers = map[string]kafka.GroupBalancer{
	"range": kafka.RangeGroupBalancer{}, "roundrobin": kafka.RoundRobinGroupBalancer{},
}

// consumer reads by one of three: partitions it was assigned; as a member of a group; by a Reader of a group, which
// commits by itself and tells nothing of partitions.
type consumer struct {
	fields serving.OpenConsumer
	config kafka.ReaderConfig
	queue  *serving.Queue[kafka.Message]
	next   map[place]int64 // the offset that poll gives next, where it is known
	direct *partitions
	member *member
	reader *kafka.Reader
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
		"close_consumer": serving.Step(serving.Consumer{}, d.closeConsumer),
	}
}

func (d *driver) openConsumer(fields serving.OpenConsumer) (any, error) {
	config, err := d.readerConfig(fields)
	if err != nil {
		return nil, err
	}
	d.consumers.Open(fields.Consumer, &consumer{
		fields: fields, config: config, queue: serving.NewQueue(placeOf), next: map[place]int64{},
	})
	return serving.Done, nil
}

func (d *driver) readerConfig(fields serving.OpenConsumer) (kafka.ReaderConfig, error) {
	config := kafka.ReaderConfig{
		Brokers: d.addresses, MaxWait: 500 * time.Millisecond, ErrorLogger: logged(), MaxBytes: 50 << 20,
		ReadBackoffMin: 20 * time.Millisecond, ReadBackoffMax: 200 * time.Millisecond,
	}
	for lacking, given := range map[string]bool{
		"only the classic group protocol":         fields.Protocol != "classic",
		"no static members":                       fields.InstanceID != nil,
		"no limit between two polls":              fields.MaxPollIntervalMs != nil,
		"no auto creation of topics by a Reader":  fields.AllowAutoCreate,
		"no group that fails for want of offsets": fields.Group != nil && fields.Reset == "none",
	} {
		if given {
			return config, serving.Unsupported("kafka-go has " + lacking)
		}
	}
	if fields.Isolation == "read_committed" {
		config.IsolationLevel = kafka.ReadCommitted
	}
	// A fetch of a Reader is about one partition.
	if fields.FetchMaxBytes != nil {
		config.MaxBytes = *fields.FetchMaxBytes
	}
	if fields.PartitionFetchBytes != nil {
		config.MaxBytes = min(config.MaxBytes, *fields.PartitionFetchBytes)
	}
	if fields.FetchMinBytes != nil {
		config.MinBytes = *fields.FetchMinBytes
	}
	if fields.FetchMaxWaitMs != nil {
		config.MaxWait = serving.Ms(*fields.FetchMaxWaitMs)
	}
	if fields.Assignor != nil {
		if _, err := serving.OneOf("the assignor", *fields.Assignor, balancers); err != nil {
			return config, err
		}
	}
	return config, nil
}

func (d *driver) assign(fields serving.Assign) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.fields.Group != nil && c.fields.AutoCommit {
		return nil, serving.Unsupported("kafka-go commits for members of a group only, not for partitions that are assigned")
	}
	if err := c.stop(); err != nil {
		return nil, err
	}
	c.direct = newPartitions(c.config, c.fields.Reset, c.queue)
	clear(c.next)
	for _, one := range fields.Partitions {
		where := place{Topic: one.Topic, Partition: one.Partition}
		offset, err := d.startsAt(c, where, one.Offset)
		if err != nil {
			return nil, err
		}
		if err := c.direct.start(where, offset); err != nil {
			return nil, err
		}
	}
	return serving.Done, nil
}

// startsAt is where a partition begins, as a number.
func (d *driver) startsAt(c *consumer, where place, at serving.At) (int64, error) {
	if at.Word == "committed" {
		found, err := d.committedAt(*c.fields.Group, []place{where})
		if err != nil {
			return 0, err
		}
		at = serving.At{Word: c.fields.Reset}
		if found[0].Offset != nil {
			at = serving.At{Number: *found[0].Offset}
		}
	}
	if at.Word == "none" {
		return 0, serving.NamedFailure("NoOffset", "nothing is committed, and reset is none")
	}
	if at.Word != "" { // as a number at once, so that "latest" is that of now
		offset, err := d.offsetAt(where, at.Word, c.config.IsolationLevel)
		if err != nil {
			return 0, err
		}
		at.Number = offset
	}
	c.next[where] = at.Number
	return at.Number, nil
}

func (d *driver) subscribe(fields serving.Subscribe) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if fields.Pattern != nil {
		return nil, serving.Unsupported("a group of kafka-go's is given names of topics, no pattern")
	}
	if c.fields.Group == nil {
		return nil, serving.Unsupported("only a group subscribes")
	}
	if err := c.stop(); err != nil {
		return nil, err
	}
	if c.fields.AutoCommit {
		c.reader = kafka.NewReader(c.groupReaderConfig(fields.Topics))
		return serving.Done, nil
	}
	c.member, err = join(c, d.addresses, fields.Topics)
	return serving.Done, err
}

func (c *consumer) groupReaderConfig(topics []string) kafka.ReaderConfig {
	config, group := c.config, c.groupConfig(c.config.Brokers, topics)
	config.GroupID, config.GroupTopics, config.StartOffset = group.ID, topics, group.StartOffset
	config.GroupBalancers, config.WatchPartitionChanges = group.GroupBalancers, true
	config.SessionTimeout, config.HeartbeatInterval = group.SessionTimeout, group.HeartbeatInterval
	config.CommitInterval = 5 * time.Second
	if c.fields.AutoCommitIntervalMs != nil {
		config.CommitInterval = serving.Ms(*c.fields.AutoCommitIntervalMs)
	}
	return config
}

func (d *driver) poll(fields serving.Poll) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	var messages []kafka.Message
	if c.reader != nil {
		messages, err = c.readCommitting(fields)
	} else {
		messages, err = c.queue.Take(fields.MaxRecords, serving.Ms(fields.TimeoutMs))
	}
	if err != nil {
		return nil, err
	}
	var polled []serving.Polled
	for _, message := range messages {
		one := serving.Polled{
			Topic: message.Topic, Partition: int32(message.Partition), Offset: message.Offset,
			TimestampMs: message.Time.UnixMilli(), Key: message.Key, Value: message.Value,
			Headers: []serving.Header{},
		}
		for _, header := range message.Headers {
			one.Headers = append(one.Headers, serving.Header{Name: header.Key, Value: header.Value})
		}
		c.next[placeOf(message)] = message.Offset + 1
		polled = append(polled, one)
	}
	return serving.Records(polled), nil
}

// readCommitting: ReadMessage has the message committed.
func (c *consumer) readCommitting(fields serving.Poll) ([]kafka.Message, error) {
	var messages []kafka.Message
	wait := serving.Ms(fields.TimeoutMs)
	for len(messages) < fields.MaxRecords {
		ctx, done := context.WithTimeout(context.Background(), wait)
		message, err := c.reader.ReadMessage(ctx)
		done()
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if err != nil {
			return messages, err
		}
		messages = append(messages, message)
		wait = 20 * time.Millisecond // for what the reader has at hand
	}
	return messages, nil
}

func (d *driver) assignment(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	switch {
	case err != nil:
		return nil, err
	case c.member != nil:
		return c.member.assignment(), nil
	case c.reader != nil:
		return nil, serving.Unsupported("a Reader of a group does not tell its partitions")
	case c.direct != nil:
		return map[string]any{"partitions": c.direct.list(), "member_id": nil, "generation": nil}, nil
	}
	return map[string]any{"partitions": []place{}}, nil
}

func (d *driver) rebalances(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.reader != nil {
		return nil, serving.Unsupported("a Reader of a group does not tell its partitions")
	}
	events := []serving.Event{}
	if c.member != nil {
		events = c.member.takeEvents()
	}
	return map[string]any{"events": events}, nil
}

func (d *driver) seek(fields serving.Seek) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.reader != nil {
		return nil, serving.Unsupported("a Reader of a group cannot be set to an offset")
	}
	where := place{Topic: fields.Topic, Partition: fields.Partition}
	offset, err := d.startsAt(c, where, fields.Offset)
	if err != nil {
		return nil, err
	}
	if c.member != nil {
		return serving.Done, c.member.seek(where, offset)
	}
	return serving.Done, c.direct.seek(where, offset)
}

// position: where poll has given nothing yet it is where the consumer starts.
func (d *driver) position(fields serving.Position) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	where := place{Topic: fields.Topic, Partition: fields.Partition}
	if next, known := c.next[where]; known {
		return map[string]any{"offset": next}, nil
	}
	if c.direct == nil && c.fields.Group != nil {
		found, err := d.committedAt(*c.fields.Group, []place{where})
		if err != nil || found[0].Offset != nil {
			return map[string]any{"offset": found[0].Offset}, err
		}
	}
	offset, err := d.offsetAt(where, c.fields.Reset, c.config.IsolationLevel)
	return map[string]any{"offset": offset}, err
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
	generation, id := -1, ""
	if c.member != nil {
		generation, id = c.member.identity()
	}
	return serving.Done, d.commit(*c.fields.Group, generation, id, offsets)
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

func (d *driver) closeConsumer(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Take(fields.Consumer)
	if err != nil {
		return nil, err
	}
	return serving.Done, c.stop()
}

// stop ends whatever it reads by.
func (c *consumer) stop() error {
	var failure error
	if c.direct != nil {
		failure = errors.Join(failure, c.direct.closeAll())
	}
	if c.member != nil {
		failure = errors.Join(failure, c.member.leave())
	}
	if c.reader != nil {
		failure = errors.Join(failure, c.reader.Close())
	}
	c.direct, c.member, c.reader = nil, nil, nil
	return failure
}

func placeOf(message kafka.Message) place {
	return place{Topic: message.Topic, Partition: int32(message.Partition)}
}
