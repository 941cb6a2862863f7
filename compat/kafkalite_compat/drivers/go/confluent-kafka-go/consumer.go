package main

import (
	"log"
	"os"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"compat/serving"
)

const queryTimeoutMs = 20000

type place = serving.TopicPartition

var resets = map[string]string{"earliest": "earliest", "latest": "latest", "none": "error"}

var assignors = map[string]string{
	"range": "range", "roundrobin": "roundrobin", "cooperative-sticky": "cooperative-sticky",
}

var offsets = map[string]kafka.Offset{
	"earliest": kafka.OffsetBeginning, "latest": kafka.OffsetEnd, "committed": kafka.OffsetStored,
}

type consumer struct {
	*kafka.Consumer
	fields  serving.OpenConsumer
	sought  map[place]int64 // by seek, until poll has given something
	events  []serving.Event // written by the callback, which is called by Poll and Close
	failure error           // came after records, and is for the next poll
	log     *log.Logger
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
		"pause":          serving.Step(serving.ConsumerPartitions{}, d.pause),
		"resume":         serving.Step(serving.ConsumerPartitions{}, d.resume),
		"close_consumer": serving.Step(serving.Consumer{}, d.closeConsumer),
	}
}

func (d *driver) openConsumer(fields serving.OpenConsumer) (any, error) {
	config, err := d.consumerConfig(fields)
	if err != nil {
		return nil, err
	}
	made, err := kafka.NewConsumer(config)
	if err != nil {
		return nil, unknownProperty(err)
	}
	d.consumers.Open(fields.Consumer, &consumer{
		Consumer: made, fields: fields, sought: map[place]int64{}, log: log.New(os.Stderr, "", log.Ltime|log.Lmicroseconds),
	})
	return serving.Done, nil
}

func (d *driver) consumerConfig(fields serving.OpenConsumer) (*kafka.ConfigMap, error) {
	reset, err := serving.OneOf("reset", fields.Reset, resets)
	if err != nil {
		return nil, err
	}
	settings := map[string]any{
		"auto.offset.reset": reset, "isolation.level": fields.Isolation, "enable.auto.commit": fields.AutoCommit,
		"allow.auto.create.topics": fields.AllowAutoCreate,
		"group.id":                 "no-group", // the library wants one, even where none is joined
	}
	if fields.Group != nil {
		settings["group.id"] = *fields.Group
	}
	if fields.InstanceID != nil {
		settings["group.instance.id"] = *fields.InstanceID
	}
	if fields.FetchMaxBytes != nil { // may be no less than the largest message
		settings["message.max.bytes"] = max(1000, *fields.FetchMaxBytes)
	}
	for key, value := range map[string]*int{
		"auto.commit.interval.ms": fields.AutoCommitIntervalMs, "session.timeout.ms": fields.SessionTimeoutMs,
		"heartbeat.interval.ms": fields.HeartbeatIntervalMs, "max.poll.interval.ms": fields.MaxPollIntervalMs,
		"fetch.max.bytes": fields.FetchMaxBytes, "max.partition.fetch.bytes": fields.PartitionFetchBytes,
		"fetch.min.bytes": fields.FetchMinBytes, "fetch.wait.max.ms": fields.FetchMaxWaitMs,
	} {
		if value != nil {
			settings[key] = *value
		}
	}
	if fields.SessionTimeoutMs != nil && fields.MaxPollIntervalMs == nil && *fields.SessionTimeoutMs > 300000 {
		settings["max.poll.interval.ms"] = *fields.SessionTimeoutMs
	}
	if err := protocolSettings(settings, fields); err != nil {
		return nil, err
	}
	config := d.config()
	for key, value := range settings {
		if err := set(config, key, value); err != nil {
			return nil, err
		}
	}
	return config, nil
}

func protocolSettings(settings map[string]any, fields serving.OpenConsumer) error {
	if fields.Protocol != "classic" {
		settings["group.protocol"] = fields.Protocol
		if fields.SessionTimeoutMs != nil || fields.HeartbeatIntervalMs != nil {
			return serving.Unsupported("with this protocol librdkafka leaves session and heartbeat to the broker's configuration")
		}
		if fields.Assignor != nil {
			settings["group.remote.assignor"] = *fields.Assignor
		}
		return nil
	}
	if fields.Assignor == nil {
		return nil
	}
	assignor, err := serving.OneOf("the assignor", *fields.Assignor, assignors)
	settings["partition.assignment.strategy"] = assignor
	return err
}

func partitionAt(topic string, partition int32, at serving.At) (kafka.TopicPartition, error) {
	offset := kafka.Offset(at.Number)
	if at.Word != "" {
		var err error
		if offset, err = serving.OneOf("the place", at.Word, offsets); err != nil {
			return kafka.TopicPartition{}, err
		}
	}
	return kafka.TopicPartition{Topic: &topic, Partition: partition, Offset: offset}, nil
}

func (d *driver) assign(fields serving.Assign) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	partitions := []kafka.TopicPartition{}
	for _, one := range fields.Partitions {
		partition, err := partitionAt(one.Topic, one.Partition, one.Offset)
		if err != nil {
			return nil, err
		}
		partitions = append(partitions, partition)
		if one.Offset.Word == "" {
			c.sought[place{Topic: one.Topic, Partition: one.Partition}] = one.Offset.Number
		}
	}
	return serving.Done, c.Assign(partitions)
}

func (d *driver) subscribe(fields serving.Subscribe) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	topics := fields.Topics
	if fields.Pattern != nil {
		topics = []string{"^" + *fields.Pattern} // what begins so is a pattern to librdkafka
	}
	return serving.Done, c.SubscribeTopics(topics, c.rebalanced)
}

func (c *consumer) rebalanced(_ *kafka.Consumer, event kafka.Event) error {
	switch event := event.(type) {
	case kafka.AssignedPartitions:
		c.events = append(c.events, serving.Event{Kind: "assigned", Partitions: places(event.Partitions)})
	case kafka.RevokedPartitions:
		kind := "revoked"
		if c.AssignmentLost() {
			kind = "lost"
		}
		c.events = append(c.events, serving.Event{Kind: kind, Partitions: places(event.Partitions)})
	}
	return nil
}

func places(partitions []kafka.TopicPartition) []place {
	known := []place{}
	for _, one := range partitions {
		known = append(known, place{Topic: *one.Topic, Partition: one.Partition})
	}
	return known
}

func (d *driver) poll(fields serving.Poll) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if err := c.failure; err != nil {
		c.failure = nil
		return nil, err
	}
	var polled []serving.Polled
	deadline := time.Now().Add(serving.Ms(fields.TimeoutMs))
	for len(polled) < fields.MaxRecords {
		wait := time.Until(deadline)
		if len(polled) > 0 {
			wait = 0 // what is at hand
		}
		event := c.Poll(int(max(0, wait.Milliseconds())))
		message, isMessage := event.(*kafka.Message)
		if isMessage && message.TopicPartition.Error == nil {
			polled = append(polled, c.given(message))
		} else if err := c.failed(event); err != nil {
			c.failure = err
			break
		}
		if event == nil && (len(polled) > 0 || !time.Now().Before(deadline)) {
			break
		}
	}
	if len(polled) == 0 && c.failure != nil {
		err, c.failure = c.failure, nil
		return nil, err
	}
	return serving.Records(polled), nil
}

// failed is what a user has to know of: a broker that is away just now, or a topic that is not there yet, may come.
func (c *consumer) failed(event kafka.Event) error {
	var told error
	switch event := event.(type) {
	case *kafka.Message:
		told = event.TopicPartition.Error
	case kafka.Error:
		told = event
	default:
		return nil
	}
	c.log.Println("poll:", told)
	failure, ok := told.(kafka.Error)
	if !ok || failure.IsFatal() || failure.Code() == kafka.ErrAutoOffsetReset || failure.Code() == kafka.ErrMaxPollExceeded {
		return told
	}
	if failure.Code() > 0 && failure.Code() != kafka.ErrUnknownTopicOrPart && !failure.IsRetriable() {
		return told
	}
	return nil
}

func (c *consumer) given(message *kafka.Message) serving.Polled {
	where := place{Topic: *message.TopicPartition.Topic, Partition: message.TopicPartition.Partition}
	delete(c.sought, where)
	polled := serving.Polled{
		Topic: where.Topic, Partition: where.Partition, Offset: int64(message.TopicPartition.Offset),
		TimestampMs: message.Timestamp.UnixMilli(), Key: message.Key, Value: message.Value,
		Headers: []serving.Header{},
	}
	switch message.TimestampType {
	case kafka.TimestampCreateTime:
		polled.TimestampType = serving.Some("create")
	case kafka.TimestampLogAppendTime:
		polled.TimestampType = serving.Some("append")
	}
	for _, header := range message.Headers {
		polled.Headers = append(polled.Headers, serving.Header{Name: header.Key, Value: header.Value})
	}
	return polled
}

func (d *driver) assignment(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	assigned, err := c.Assignment()
	return map[string]any{"partitions": places(assigned), "member_id": nil, "generation": nil}, err
}

func (d *driver) rebalances(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	events := serving.List(c.events)
	c.events = nil
	return map[string]any{"events": events}, nil
}

func (d *driver) pause(fields serving.ConsumerPartitions) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	return serving.Done, c.Pause(partitionsOf(fields.Partitions))
}

func (d *driver) resume(fields serving.ConsumerPartitions) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	return serving.Done, c.Resume(partitionsOf(fields.Partitions))
}

func (d *driver) closeConsumer(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Take(fields.Consumer)
	if err != nil {
		return nil, err
	}
	return serving.Done, c.Close()
}
