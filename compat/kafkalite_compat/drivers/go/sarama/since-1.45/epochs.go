package main

import (
	"encoding/base64"

	"github.com/IBM/sarama"

	"compat/serving"
)

// topicID as Kafka writes its ids: base64 for URLs, without padding.
func topicID(topic *sarama.TopicMetadata) any {
	return base64.RawURLEncoding.EncodeToString(topic.Uuid[:])
}

func offsetInTransaction(one serving.CommittedOffset) *sarama.PartitionOffsetMetadata {
	return &sarama.PartitionOffsetMetadata{
		Partition: one.Partition, Offset: *one.Offset, Metadata: one.Metadata, LeaderEpoch: -1,
	}
}
