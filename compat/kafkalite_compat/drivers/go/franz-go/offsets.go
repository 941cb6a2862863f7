package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"compat/serving"
)

// Where a consumer reads, and what its group has committed.

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
