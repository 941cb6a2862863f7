package main

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"compat/serving"
)

// The timestamps of ListOffsets that stand for places.
const (
	latest       = -1
	earliest     = -2
	maxTimestamp = -3
)

var timestamps = map[string]int64{"earliest": earliest, "latest": latest, "max_timestamp": maxTimestamp}

var resources = map[string]kmsg.ConfigResourceType{"topic": 2, "broker": 4, "group": 32}

func (d *driver) adminOps() map[string]serving.Op {
	return map[string]serving.Op{
		"metadata":          serving.Step(serving.Metadata{}, d.metadata),
		"describe_cluster":  serving.Step(serving.Nothing{}, d.describeCluster),
		"list_offsets":      serving.Step(serving.ListOffsetsDefaults, d.listOffsets),
		"create_topic":      serving.Step(serving.CreateTopicDefaults, d.createTopic),
		"delete_topic":      serving.Step(serving.Topic{}, d.deleteTopic),
		"list_topics":       serving.Step(serving.Nothing{}, d.listTopics),
		"describe_topic":    serving.Step(serving.Topic{}, d.describeTopic),
		"create_partitions": serving.Step(serving.CreatePartitions{}, d.createPartitions),
		"describe_configs":  serving.Step(serving.Resource{}, d.describeConfigs),
		"alter_configs":     serving.Step(serving.AlterConfigs{}, d.alterConfigs),
		"delete_records":    serving.Step(serving.DeleteRecords{}, d.deleteRecords),
		"describe_log_dirs": serving.Step(serving.Nothing{}, d.describeLogDirs),
		"list_transactions": serving.Step(serving.Nothing{}, d.listTransactions),
		"create_acl":        serving.Step(serving.ACL{}, d.createACL),
		"describe_acls":     serving.Step(serving.ACL{}, d.describeACLs),
		"delete_acls":       serving.Step(serving.ACL{}, d.deleteACLs),
	}
}

type broker struct {
	ID   int32  `json:"id"`
	Host string `json:"host"`
	Port int32  `json:"port"`
}

func (d *driver) metadata(fields serving.Metadata) (any, error) {
	ctx, done := step()
	defer done()
	request := kmsg.NewPtrMetadataRequest()
	request.AllowAutoTopicCreation = fields.AllowAutoCreate
	if fields.Topic != nil {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = fields.Topic
		request.Topics = append(request.Topics, topic)
	}
	response, err := request.RequestWith(ctx, d.client)
	if err != nil {
		return nil, err
	}
	brokers, topics := []broker{}, map[string]int{}
	for _, one := range response.Brokers {
		brokers = append(brokers, broker{one.NodeID, one.Host, one.Port})
	}
	for _, topic := range response.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			if fields.Topic != nil {
				return nil, err
			}
			continue // of all topics, those that are being deleted
		}
		topics[*topic.Topic] = len(topic.Partitions)
	}
	return map[string]any{
		"brokers": brokers, "topics": topics, "cluster_id": response.ClusterID, "controller": response.ControllerID,
	}, nil
}

func (d *driver) describeCluster(serving.Nothing) (any, error) {
	ctx, done := step()
	defer done()
	found, err := d.admin.BrokerMetadata(ctx)
	if err != nil {
		return nil, err
	}
	brokers := []broker{}
	for _, one := range found.Brokers {
		brokers = append(brokers, broker{one.NodeID, one.Host, one.Port})
	}
	return map[string]any{"brokers": brokers, "cluster_id": found.Cluster, "controller": found.Controller}, nil
}

// listed is the answer for one partition.
func (d *driver) listed(isolation int8, where place, timestamp int64) (kmsg.ListOffsetsResponseTopicPartition, error) {
	ctx, done := step()
	defer done()
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Partition, partition.Timestamp, partition.CurrentLeaderEpoch = where.Partition, timestamp, -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = where.Topic
	topic.Partitions = append(topic.Partitions, partition)
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID, request.IsolationLevel = -1, isolation
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(ctx, d.client)
	if err != nil {
		return kmsg.ListOffsetsResponseTopicPartition{}, err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return kmsg.ListOffsetsResponseTopicPartition{}, fmt.Errorf("ListOffsets answered of %d topics", len(response.Topics))
	}
	found := response.Topics[0].Partitions[0]
	return found, kerr.ErrorForCode(found.ErrorCode)
}

func (d *driver) offsetAt(isolation int8, where place, timestamp int64) (int64, error) {
	found, err := d.listed(isolation, where, timestamp)
	return found.Offset, err
}

func (d *driver) listOffsets(fields serving.ListOffsets) (any, error) {
	timestamp := fields.At.Number
	if fields.At.Word != "" {
		var err error
		if timestamp, err = serving.OneOf("the place", fields.At.Word, timestamps); err != nil {
			return nil, err
		}
	}
	isolation := int8(0)
	if fields.Isolation == "read_committed" {
		isolation = 1
	}
	found, err := d.listed(isolation, place{Topic: fields.Topic, Partition: fields.Partition}, timestamp)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"offset": nil, "timestamp_ms": nil}
	if found.Offset >= 0 {
		answer["offset"] = found.Offset
	}
	if found.Timestamp >= 0 {
		answer["timestamp_ms"] = found.Timestamp
	}
	return answer, nil
}

func (d *driver) createTopic(fields serving.CreateTopic) (any, error) {
	ctx, done := step()
	defer done()
	configs := map[string]*string{}
	for key, value := range fields.Configs {
		configs[key] = &value
	}
	create := d.admin.CreateTopics
	if fields.ValidateOnly {
		create = d.admin.ValidateCreateTopics
	}
	created, err := create(ctx, fields.Partitions, fields.Replication, configs, fields.Topic)
	if err != nil {
		return nil, err
	}
	return serving.Done, created[fields.Topic].Err
}

func (d *driver) deleteTopic(fields serving.Topic) (any, error) {
	ctx, done := step()
	defer done()
	deleted, err := d.admin.DeleteTopics(ctx, fields.Topic)
	if err != nil {
		return nil, err
	}
	return serving.Done, deleted[fields.Topic].Err
}

func (d *driver) listTopics(serving.Nothing) (any, error) {
	ctx, done := step()
	defer done()
	listed, err := d.admin.ListTopics(ctx)
	return map[string]any{"topics": serving.List(listed.Names())}, err
}

func (d *driver) describeTopic(fields serving.Topic) (any, error) {
	ctx, done := step()
	defer done()
	listed, err := d.admin.ListTopicsWithInternal(ctx, fields.Topic)
	if err != nil {
		return nil, err
	}
	topic := listed[fields.Topic]
	if topic.Err != nil {
		return nil, topic.Err
	}
	partitions := []map[string]any{}
	for _, one := range topic.Partitions.Sorted() {
		partitions = append(partitions, map[string]any{
			"partition": one.Partition, "leader": one.Leader, "replicas": one.Replicas, "isr": one.ISR,
		})
	}
	// Kafka writes its ids so: base64 for URLs, without padding.
	id := base64.RawURLEncoding.EncodeToString(topic.ID[:])
	return map[string]any{"partitions": partitions, "topic_id": id}, nil
}

func (d *driver) createPartitions(fields serving.CreatePartitions) (any, error) {
	ctx, done := step()
	defer done()
	changed, err := d.admin.UpdatePartitions(ctx, fields.Total, fields.Topic)
	if err != nil {
		return nil, err
	}
	return serving.Done, told(changed[fields.Topic].Err, changed[fields.Topic].ErrMessage)
}

func (d *driver) describeConfigs(fields serving.Resource) (any, error) {
	kind, err := serving.OneOf("the resource", fields.Resource, resources)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kind, fields.Name
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(ctx, d.client)
	if err != nil {
		return nil, err
	}
	configs := map[string]serving.ConfigValue{}
	for _, described := range response.Resources {
		if err := kerr.ErrorForCode(described.ErrorCode); err != nil {
			return nil, told(err, text(described.ErrorMessage))
		}
		for _, config := range described.Configs {
			source := config.Source.String()
			configs[config.Name] = serving.ConfigValue{
				Value: config.Value, Source: &source, ReadOnly: &config.ReadOnly, Sensitive: &config.IsSensitive,
			}
		}
	}
	return map[string]any{"configs": configs}, nil
}

func (d *driver) alterConfigs(fields serving.AlterConfigs) (any, error) {
	kind, err := serving.OneOf("the resource", fields.Resource, resources)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kind, fields.Name
	for name, value := range fields.Set {
		resource.Configs = append(resource.Configs, change(name, kmsg.IncrementalAlterConfigOpSet, &value))
	}
	for _, name := range fields.Unset {
		resource.Configs = append(resource.Configs, change(name, kmsg.IncrementalAlterConfigOpDelete, nil))
	}
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(ctx, d.client)
	if err != nil {
		return nil, err
	}
	for _, altered := range response.Resources {
		if err := kerr.ErrorForCode(altered.ErrorCode); err != nil {
			return nil, told(err, text(altered.ErrorMessage))
		}
	}
	return map[string]any{"incremental": true}, nil
}

func change(name string, op kmsg.IncrementalAlterConfigOp, value *string) kmsg.IncrementalAlterConfigsRequestResourceConfig {
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Op, config.Value = name, op, value
	return config
}

func text(message *string) string {
	if message == nil {
		return ""
	}
	return *message
}

func (d *driver) deleteRecords(fields serving.DeleteRecords) (any, error) {
	ctx, done := step()
	defer done()
	before := kadm.Offsets{}
	before.Add(kadm.Offset{Topic: fields.Topic, Partition: fields.Partition, At: fields.Before})
	deleted, err := d.admin.DeleteRecords(ctx, before)
	if err != nil {
		return nil, err
	}
	one, _ := deleted.Lookup(fields.Topic, fields.Partition)
	return map[string]any{"low_watermark": one.LowWatermark}, one.Err
}

func (d *driver) describeLogDirs(serving.Nothing) (any, error) {
	ctx, done := step()
	defer done()
	described, err := d.admin.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return nil, err
	}
	topics := []string{}
	described.Each(func(dir kadm.DescribedLogDir) {
		for topic := range dir.Topics {
			topics = append(topics, topic)
		}
	})
	slices.Sort(topics)
	return map[string]any{"topics": slices.Compact(topics)}, nil
}

func (d *driver) listTransactions(serving.Nothing) (any, error) {
	ctx, done := step()
	defer done()
	listed, err := d.admin.ListTransactions(ctx, nil, nil)
	transactions := []map[string]any{}
	for _, one := range listed.Sorted() {
		transactions = append(transactions, map[string]any{"transactional_id": one.TxnID, "state": one.State})
	}
	return map[string]any{"transactions": transactions}, err
}
