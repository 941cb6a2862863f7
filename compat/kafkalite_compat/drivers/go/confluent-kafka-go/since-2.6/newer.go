package main

import (
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"compat/serving"
)

func (d *driver) newerOps() map[string]serving.Op {
	return map[string]serving.Op{"delete_records": serving.Step(serving.DeleteRecords{}, d.deleteRecords)}
}

func (d *driver) deleteRecords(fields serving.DeleteRecords) (any, error) {
	ctx, done := step()
	defer done()
	deleted, err := d.admin.DeleteRecords(ctx, []kafka.TopicPartition{{
		Topic: &fields.Topic, Partition: fields.Partition, Offset: kafka.Offset(fields.Before),
	}})
	if err != nil {
		return nil, err
	}
	for _, one := range deleted.DeleteRecordsResults {
		if one.TopicPartition.Error != nil {
			return nil, one.TopicPartition.Error
		}
		return map[string]any{"low_watermark": int64(one.DeletedRecords.LowWatermark)}, nil
	}
	return nil, serving.NamedFailure("NoAnswer", "DeleteRecords answered nothing of the partition")
}

func typeOf(group kafka.ConsumerGroupListing) *string {
	return serving.Some(strings.ToLower(group.Type.String()))
}
