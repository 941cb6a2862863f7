package main

import (
	"github.com/IBM/sarama"

	"compat/serving"
)

// topicID: this version knows no ids of topics.
func topicID(*sarama.TopicMetadata) any { return nil }

func offsetInTransaction(one serving.CommittedOffset) *sarama.PartitionOffsetMetadata {
	return &sarama.PartitionOffsetMetadata{Partition: one.Partition, Offset: *one.Offset, Metadata: one.Metadata}
}
