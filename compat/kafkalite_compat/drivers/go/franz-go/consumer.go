package main

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

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

func (d *driver) poll(fields serving.Poll) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.client == nil {
		return nil, serving.NamedFailure("BadStep", "poll before assign or subscribe")
	}
	ctx, done := context.WithTimeout(context.Background(), serving.Ms(fields.TimeoutMs))
	defer done()
	for {
		fetches := c.client.PollRecords(ctx, fields.MaxRecords)
		if err := failed(fetches); err != nil {
			return nil, err
		}
		if records := fetches.Records(); len(records) > 0 || ctx.Err() != nil {
			return serving.Records(c.polled(records)), nil
		}
	}
}

// failed is the first error that is not the end of our own patience, nor of a session with a broker that is away just
// now: the library goes on by itself then.
func failed(fetches kgo.Fetches) error {
	for _, failure := range fetches.Errors() {
		var session *kgo.ErrGroupSession
		passing := errors.As(failure.Err, &session) && !errors.As(session.Err, new(*kerr.Error))
		if !passing && !errors.Is(failure.Err, context.DeadlineExceeded) {
			return failure.Err
		}
	}
	return nil
}

var timestampTypes = map[int8]string{0: "create", 1: "append"}

func (c *consumer) polled(records []*kgo.Record) []serving.Polled {
	var polled []serving.Polled
	for _, record := range records {
		one := serving.Polled{
			Topic: record.Topic, Partition: record.Partition, Offset: record.Offset,
			TimestampMs: record.Timestamp.UnixMilli(), Key: record.Key, Value: record.Value,
			Headers: []serving.Header{},
		}
		if name, known := timestampTypes[record.Attrs.TimestampType()]; known {
			one.TimestampType = &name
		}
		for _, header := range record.Headers {
			one.Headers = append(one.Headers, serving.Header{Name: header.Key, Value: header.Value})
		}
		if c.share != nil {
			c.share.held(record, &one)
		}
		c.next[place{Topic: record.Topic, Partition: record.Partition}] = record.Offset + 1
		polled = append(polled, one)
	}
	return polled
}

func (d *driver) assignment(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var partitions []place
	for where := range c.assigned {
		partitions = append(partitions, where)
	}
	answer := map[string]any{"partitions": serving.List(partitions), "member_id": nil, "generation": nil}
	if c.client != nil && !c.direct && c.fields.Group != nil {
		answer["member_id"], answer["generation"] = c.client.GroupMetadata()
	}
	return answer, nil
}

func (d *driver) rebalances(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	events := serving.List(c.events)
	c.events = nil
	return map[string]any{"events": events}, nil
}

func (c *consumer) onAssigned(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	c.rebalanced("assigned", partitions, true)
}

// onRevoked commits, as the library does by itself where it is not told when partitions go.
func (c *consumer) onRevoked(ctx context.Context, client *kgo.Client, partitions map[string][]int32) {
	if c.fields.AutoCommit && c.share == nil {
		_ = client.CommitUncommittedOffsets(ctx) // what cannot be committed is read again: the library's own way
	}
	c.rebalanced("revoked", partitions, false)
}

func (c *consumer) onLost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	c.rebalanced("lost", partitions, false)
}

func (c *consumer) rebalanced(kind string, partitions map[string][]int32, holds bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	event := serving.Event{Kind: kind, Partitions: []place{}}
	for topic, numbers := range partitions {
		for _, number := range numbers {
			where := place{Topic: topic, Partition: number}
			event.Partitions = append(event.Partitions, where)
			if holds {
				c.assigned[where] = true
			} else {
				delete(c.assigned, where)
			}
		}
	}
	c.events = append(c.events, event)
}

func (d *driver) seek(fields serving.Seek) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	where := place{Topic: fields.Topic, Partition: fields.Partition}
	if c.direct { // SetOffsets would pass over a partition that was not polled yet
		offset, err := d.startsAt(c, serving.StartsAt{Topic: fields.Topic, Partition: fields.Partition, Offset: fields.Offset})
		if err != nil {
			return nil, err
		}
		c.client.RemoveConsumePartitions(map[string][]int32{fields.Topic: {fields.Partition}})
		starts := map[string]map[int32]kgo.Offset{}
		put(starts, fields.Topic, fields.Partition, offset)
		c.client.AddConsumePartitions(starts)
		return serving.Done, nil
	}
	to := fields.Offset.Number
	if word := fields.Offset.Word; word != "" {
		if to, err = d.offsetAt(c.isolation(), where, timestamps[word]); err != nil {
			return nil, err
		}
	}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	put(offsets, fields.Topic, fields.Partition, kgo.EpochOffset{Epoch: -1, Offset: to})
	c.client.SetOffsets(offsets)
	c.next[where] = to
	return serving.Done, nil
}

// position: kgo tells none; where poll has given nothing yet it is where the consumer starts.
func (d *driver) position(fields serving.Position) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	where := place{Topic: fields.Topic, Partition: fields.Partition}
	if next, known := c.next[where]; known {
		return map[string]any{"offset": next}, nil
	}
	if !c.direct {
		committed, err := d.committedAt(c, where)
		if err != nil || committed != nil {
			return map[string]any{"offset": committed}, err
		}
	}
	offset, err := d.offsetAt(c.isolation(), where, timestamps[c.fields.Reset])
	return map[string]any{"offset": offset}, err
}

func (d *driver) commitOffsets(fields serving.CommitOffsets) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	if c.direct || c.client == nil {
		return serving.Done, d.commitFromOutside(ctx, c, fields.Offsets)
	}
	if fields.Offsets == nil {
		return serving.Done, c.client.CommitUncommittedOffsets(ctx)
	}
	return serving.Done, c.commitAsMember(ctx, fields.Offsets)
}

// commitFromOutside commits for a group that this consumer is no member of.
func (d *driver) commitFromOutside(ctx context.Context, c *consumer, offsets []serving.CommittedOffset) error {
	if c.fields.Group == nil {
		return serving.NamedFailure("NoGroup", "the consumer has no group")
	}
	if offsets == nil {
		for where, next := range c.next {
			offsets = append(offsets, serving.CommittedOffset{Topic: where.Topic, Partition: where.Partition, Offset: &next})
		}
	}
	return d.admin.CommitAllOffsets(ctx, *c.fields.Group, adminOffsets(offsets))
}

func adminOffsets(offsets []serving.CommittedOffset) kadm.Offsets {
	committing := kadm.Offsets{}
	for _, one := range offsets {
		offset := kadm.Offset{Topic: one.Topic, Partition: one.Partition, At: *one.Offset, LeaderEpoch: -1}
		if one.Metadata != nil {
			offset.Metadata = *one.Metadata
		}
		committing.Add(offset)
	}
	return committing
}

func (c *consumer) commitAsMember(ctx context.Context, offsets []serving.CommittedOffset) error {
	committing := map[string]map[int32]kgo.EpochOffset{}
	metadata := map[place]string{}
	for _, one := range offsets {
		put(committing, one.Topic, one.Partition, kgo.EpochOffset{Epoch: -1, Offset: *one.Offset})
		if one.Metadata != nil {
			metadata[place{Topic: one.Topic, Partition: one.Partition}] = *one.Metadata
		}
	}
	ctx = kgo.PreCommitFnContext(ctx, func(request *kmsg.OffsetCommitRequest) error {
		for i := range request.Topics {
			topic := &request.Topics[i]
			for j := range topic.Partitions {
				partition := &topic.Partitions[j] // the library would put its member id here
				partition.Metadata = serving.Some(metadata[place{Topic: topic.Topic, Partition: partition.Partition}])
			}
		}
		return nil
	})
	var answered error
	c.client.CommitOffsetsSync(ctx, committing, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
		answered = err
		if err != nil {
			return
		}
		for _, topic := range response.Topics {
			for _, partition := range topic.Partitions {
				if answered == nil {
					answered = kerr.ErrorForCode(partition.ErrorCode)
				}
			}
		}
	})
	return answered
}

func (d *driver) committed(fields serving.ConsumerPartitions) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.fields.Group == nil {
		return nil, serving.NamedFailure("NoGroup", "the consumer has no group")
	}
	ctx, done := step()
	defer done()
	found, err := d.admin.FetchOffsets(ctx, *c.fields.Group)
	if err != nil {
		return nil, err
	}
	offsets := []serving.CommittedOffset{}
	for _, where := range fields.Partitions {
		one := serving.CommittedOffset{Topic: where.Topic, Partition: where.Partition}
		if offset, there := found.Lookup(where.Topic, where.Partition); there {
			if offset.Err != nil {
				return nil, offset.Err
			}
			if offset.At >= 0 {
				one.Offset, one.Metadata = &offset.At, &offset.Metadata
			}
		}
		offsets = append(offsets, one)
	}
	return map[string]any{"offsets": offsets}, nil
}

// committedAt is the group's offset of one partition, or nil.
func (d *driver) committedAt(c *consumer, where place) (*int64, error) {
	if c.fields.Group == nil {
		return nil, nil
	}
	ctx, done := step()
	defer done()
	found, err := d.admin.FetchOffsets(ctx, *c.fields.Group)
	if err != nil {
		return nil, err
	}
	offset, there := found.Lookup(where.Topic, where.Partition)
	if !there || offset.At < 0 {
		return nil, offset.Err
	}
	return &offset.At, offset.Err
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
