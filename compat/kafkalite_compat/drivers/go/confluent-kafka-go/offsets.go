package main

import (
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"compat/serving"
)

// Where a consumer reads, and what its group has committed.

func (d *driver) seek(fields serving.Seek) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	partition, err := partitionAt(fields.Topic, fields.Partition, fields.Offset)
	if err != nil {
		return nil, err
	}
	done, err := c.SeekPartitions([]kafka.TopicPartition{partition})
	if err == nil {
		err = firstError(done)
	}
	if err != nil {
		return nil, err
	}
	where := place{Topic: fields.Topic, Partition: fields.Partition}
	c.sought[where], err = c.number(where, partition.Offset)
	return serving.Done, err
}

// number is a place as an offset, now.
func (c *consumer) number(where place, offset kafka.Offset) (int64, error) {
	if offset >= 0 {
		return int64(offset), nil
	}
	low, high, err := c.QueryWatermarkOffsets(where.Topic, where.Partition, queryTimeoutMs)
	if offset == kafka.OffsetBeginning {
		return low, err
	}
	return high, err
}

// position: the library tells none before poll has given something; then it is where the consumer starts.
func (d *driver) position(fields serving.Position) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	where := place{Topic: fields.Topic, Partition: fields.Partition}
	if next, sought := c.sought[where]; sought {
		return map[string]any{"offset": next}, nil
	}
	asked := []kafka.TopicPartition{{Topic: &where.Topic, Partition: where.Partition}}
	found, err := c.Position(asked)
	if err != nil {
		return nil, err
	}
	if found[0].Offset < 0 && c.fields.Group != nil {
		if found, err = c.Committed(asked, queryTimeoutMs); err != nil {
			return nil, err
		}
	}
	offset := found[0].Offset
	if offset < 0 {
		offset = offsets[c.fields.Reset]
	}
	next, err := c.number(where, offset)
	return map[string]any{"offset": next}, err
}

func offsetsOf(committing []serving.CommittedOffset) []kafka.TopicPartition {
	partitions := []kafka.TopicPartition{}
	for _, one := range committing {
		partitions = append(partitions, kafka.TopicPartition{
			Topic: &one.Topic, Partition: one.Partition, Offset: kafka.Offset(*one.Offset), Metadata: one.Metadata,
		})
	}
	return partitions
}

func firstError(partitions []kafka.TopicPartition) error {
	for _, one := range partitions {
		if one.Error != nil {
			return one.Error
		}
	}
	return nil
}

func (d *driver) commitOffsets(fields serving.CommitOffsets) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.fields.Group == nil {
		return nil, serving.NamedFailure("NoGroup", "the consumer has no group")
	}
	var done []kafka.TopicPartition
	if fields.Offsets == nil {
		done, err = c.Commit()
	} else {
		done, err = c.CommitOffsets(offsetsOf(fields.Offsets))
	}
	if told, ok := err.(kafka.Error); ok && told.Code() == kafka.ErrNoOffset && fields.Offsets == nil {
		return serving.Done, nil // poll has given nothing since
	}
	if err == nil {
		err = firstError(done)
	}
	return serving.Done, err
}

func (d *driver) committed(fields serving.ConsumerPartitions) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.fields.Group == nil {
		return nil, serving.NamedFailure("NoGroup", "the consumer has no group")
	}
	found, err := c.Committed(partitionsOf(fields.Partitions), queryTimeoutMs)
	if err == nil {
		err = firstError(found)
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"offsets": told(found)}, nil
}

// told is offsets as the suite has them: below zero is none.
func told(partitions []kafka.TopicPartition) []serving.CommittedOffset {
	known := []serving.CommittedOffset{}
	for _, one := range partitions {
		offset := serving.CommittedOffset{Topic: *one.Topic, Partition: one.Partition}
		if one.Offset >= 0 {
			offset.Offset, offset.Metadata = serving.Some(int64(one.Offset)), one.Metadata
		}
		known = append(known, offset)
	}
	return known
}

func partitionsOf(wanted []place) []kafka.TopicPartition {
	partitions := []kafka.TopicPartition{}
	for _, where := range wanted {
		partitions = append(partitions, kafka.TopicPartition{Topic: &where.Topic, Partition: where.Partition})
	}
	return partitions
}
