package main

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"compat/serving"
)

var assignors = map[string]kgo.GroupBalancer{
	"range":              kgo.RangeBalancer(),
	"roundrobin":         kgo.RoundRobinBalancer(),
	"sticky":             kgo.StickyBalancer(),
	"cooperative-sticky": kgo.CooperativeStickyBalancer(),
}

var isolations = map[string]kgo.IsolationLevel{
	"read_uncommitted": kgo.ReadUncommitted(),
	"read_committed":   kgo.ReadCommitted(),
}

// consumer has no client before it is subscribed or assigned: in kgo that is said when a client is made.
type consumer struct {
	fields serving.OpenConsumer
	client *kgo.Client
	direct bool            // assigned, not subscribed
	share  *shareConsumer  // nil for others
	next   map[place]int64 // the offset that poll gives next, where it is known

	mutex    sync.Mutex // for what the callbacks write
	assigned map[place]bool
	events   []serving.Event
}

type place = serving.TopicPartition

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
	opened := &consumer{fields: fields, next: map[place]int64{}, assigned: map[place]bool{}}
	if _, err := opened.options(); err != nil {
		return nil, err
	}
	if _, err := opened.groupOptions(); err != nil {
		return nil, err
	}
	d.consumers.Open(fields.Consumer, opened)
	return serving.Done, nil
}

// options are those that a client has with and without a group.
func (c *consumer) options() ([]kgo.Opt, error) {
	isolation, err := serving.OneOf("the isolation level", c.fields.Isolation, isolations)
	if err != nil {
		return nil, err
	}
	starts, err := resetOptions(c.fields.Reset, c.fields.Group != nil)
	if err != nil {
		return nil, err
	}
	options := append(starts, kgo.FetchIsolationLevel(isolation))
	if c.fields.FetchMaxBytes != nil {
		options = append(options, kgo.FetchMaxBytes(int32(*c.fields.FetchMaxBytes)))
	}
	if c.fields.PartitionFetchBytes != nil {
		options = append(options, kgo.FetchMaxPartitionBytes(int32(*c.fields.PartitionFetchBytes)))
	}
	if c.fields.FetchMinBytes != nil {
		options = append(options, kgo.FetchMinBytes(int32(*c.fields.FetchMinBytes)))
	}
	if c.fields.FetchMaxWaitMs != nil {
		options = append(options, kgo.FetchMaxWait(serving.Ms(*c.fields.FetchMaxWaitMs)))
	}
	if c.fields.AllowAutoCreate {
		options = append(options, kgo.AllowAutoTopicCreation())
	}
	return options, nil
}

func (c *consumer) groupOptions() ([]kgo.Opt, error) {
	fields := c.fields
	if fields.MaxPollIntervalMs != nil {
		return nil, serving.Unsupported("kgo has no limit between two polls: a member stays as long as its heartbeats go on")
	}
	if fields.Group == nil {
		return nil, nil
	}
	options := []kgo.Opt{kgo.ConsumerGroup(*fields.Group)}
	balancer, err := c.balancer()
	if err != nil {
		return nil, err
	}
	options = append(options, balancer...)
	if fields.InstanceID != nil {
		options = append(options, kgo.InstanceID(*fields.InstanceID))
	}
	if fields.SessionTimeoutMs != nil {
		options = append(options, kgo.SessionTimeout(serving.Ms(*fields.SessionTimeoutMs)))
	}
	if fields.HeartbeatIntervalMs != nil {
		options = append(options, kgo.HeartbeatInterval(serving.Ms(*fields.HeartbeatIntervalMs)))
	}
	if !fields.AutoCommit {
		options = append(options, kgo.DisableAutoCommit())
	} else if fields.AutoCommitIntervalMs != nil {
		options = append(options, kgo.AutoCommitInterval(serving.Ms(*fields.AutoCommitIntervalMs)))
	}
	return append(options,
		kgo.OnPartitionsAssigned(c.onAssigned),
		kgo.OnPartitionsRevoked(c.onRevoked),
		kgo.OnPartitionsLost(c.onLost),
	), nil
}

func (c *consumer) balancer() ([]kgo.Opt, error) {
	switch c.fields.Protocol {
	case "classic":
		if c.fields.Assignor == nil {
			return nil, nil
		}
		balancer, err := serving.OneOf("the assignor", *c.fields.Assignor, assignors)
		return []kgo.Opt{kgo.Balancers(balancer)}, err
	case "consumer":
		return serverSideBalancer(c.fields.Assignor)
	default:
		return nil, serving.Unsupported("the library does not know the group protocol " + c.fields.Protocol)
	}
}

func (d *driver) assign(fields serving.Assign) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.fields.Group != nil && c.fields.AutoCommit {
		return nil, serving.Unsupported("kgo commits for members of a group only, not for partitions that are assigned")
	}
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	starts := map[string]map[int32]kgo.Offset{}
	clear(c.assigned)
	for _, one := range fields.Partitions {
		offset, err := d.startsAt(c, one)
		if err != nil {
			return nil, err
		}
		put(starts, one.Topic, one.Partition, offset)
		c.assigned[place{Topic: one.Topic, Partition: one.Partition}] = true
	}
	c.direct = true
	return serving.Done, c.replace(d.options(append(options, kgo.ConsumePartitions(starts))...))
}

// replace gives the consumer a new client: it starts anew, as by what it was assigned.
func (c *consumer) replace(options []kgo.Opt) error {
	if c.client != nil {
		c.client.Close()
	}
	client, err := kgo.NewClient(options...)
	c.client = client
	return err
}

// startsAt is where an assigned partition starts; c.next holds it if it is known.
func (d *driver) startsAt(c *consumer, one serving.StartsAt) (kgo.Offset, error) {
	where := place{Topic: one.Topic, Partition: one.Partition}
	delete(c.next, where)
	at := one.Offset
	if at.Word == "committed" {
		found, err := d.committedAt(c, where)
		if err != nil {
			return kgo.Offset{}, err
		}
		if found == nil && c.fields.Reset == "none" {
			return kgo.Offset{}, serving.NamedFailure("NoOffset", "nothing is committed, and reset is none")
		}
		at = serving.At{Word: c.fields.Reset}
		if found != nil {
			at = serving.At{Number: *found}
		}
	}
	switch at.Word {
	case "earliest":
		return kgo.NewOffset().AtStart(), nil
	case "latest": // now, not when the partition is first looked at
		end, err := d.offsetAt(c.isolation(), where, latest)
		if err != nil {
			return kgo.Offset{}, err
		}
		at.Number = end
	}
	c.next[where] = at.Number
	if c.fields.Reset == "none" {
		return kgo.NoResetOffset().At(at.Number), nil
	}
	return kgo.NewOffset().At(at.Number), nil
}

func (c *consumer) isolation() int8 {
	if c.fields.Isolation == "read_committed" {
		return 1
	}
	return 0
}

func (d *driver) subscribe(fields serving.Subscribe) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.share != nil {
		return serving.Done, d.subscribeShare(c, fields)
	}
	if c.client != nil && !c.direct && fields.Pattern == nil {
		c.client.AddConsumeTopics(fields.Topics...)
		return serving.Done, nil
	}
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	more, err := c.groupOptions()
	if err != nil {
		return nil, err
	}
	options = append(options, more...)
	if fields.Pattern != nil {
		options = append(options, kgo.ConsumeRegex(), kgo.ConsumeTopics(*fields.Pattern))
	} else {
		options = append(options, kgo.ConsumeTopics(fields.Topics...))
	}
	c.direct = false
	return serving.Done, c.replace(d.options(options...))
}

func (d *driver) pause(fields serving.ConsumerPartitions) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	c.client.PauseFetchPartitions(byTopic(fields.Partitions))
	return serving.Done, nil
}

func (d *driver) resume(fields serving.ConsumerPartitions) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	c.client.ResumeFetchPartitions(byTopic(fields.Partitions))
	return serving.Done, nil
}

func (d *driver) closeConsumer(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Take(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.client != nil {
		c.client.Close()
	}
	return serving.Done, nil
}

func byTopic(partitions []place) map[string][]int32 {
	topics := map[string][]int32{}
	for _, where := range partitions {
		topics[where.Topic] = append(topics[where.Topic], where.Partition)
	}
	return topics
}

func put[T any](table map[string]map[int32]T, topic string, partition int32, value T) {
	if table[topic] == nil {
		table[topic] = map[int32]T{}
	}
	table[topic][partition] = value
}
