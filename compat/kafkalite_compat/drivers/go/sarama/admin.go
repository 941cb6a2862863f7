package main

import (
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"compat/serving"
)

var timestamps = map[string]int64{"earliest": sarama.OffsetOldest, "latest": sarama.OffsetNewest}

var resources = map[string]sarama.ConfigResourceType{"topic": 2, "broker": 4, "group": 32}

var sources = map[sarama.ConfigSource]string{
	sarama.SourceTopic: "DYNAMIC_TOPIC_CONFIG", sarama.SourceDynamicBroker: "DYNAMIC_BROKER_CONFIG",
	sarama.SourceDynamicDefaultBroker: "DYNAMIC_DEFAULT_BROKER_CONFIG", sarama.SourceStaticBroker: "STATIC_BROKER_CONFIG",
	sarama.SourceDefault: "DEFAULT_CONFIG", 8: "GROUP_CONFIG",
}

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
		"create_acl":        serving.Step(serving.ACL{}, d.createACL),
		"describe_acls":     serving.Step(serving.ACL{}, d.describeACLs),
		"delete_acls":       serving.Step(serving.ACL{}, d.deleteACLs),
	}
}

func (d *driver) metadata(fields serving.Metadata) (any, error) {
	var wanted []string
	if fields.Topic != nil {
		wanted = []string{*fields.Topic}
	}
	broker := d.client.LeastLoadedBroker()
	if broker == nil {
		return nil, sarama.ErrOutOfBrokers
	}
	_ = broker.Open(d.client.Config()) // says that it is open, if it is
	request := sarama.NewMetadataRequest(sarama.MaxVersion, wanted)
	request.AllowAutoTopicCreation = fields.AllowAutoCreate
	response, err := broker.GetMetadata(request)
	if err != nil {
		return nil, err
	}
	topics := map[string]int{}
	for _, topic := range response.Topics {
		if err := failed(topic.Err); err != nil {
			if fields.Topic != nil {
				return nil, err
			}
			continue // of all topics, those that are being deleted
		}
		topics[topic.Name] = len(topic.Partitions)
	}
	return map[string]any{
		"brokers": told(response.Brokers), "topics": topics,
		"cluster_id": response.ClusterID, "controller": response.ControllerID,
	}, nil
}

func told(brokers []*sarama.Broker) []serving.Broker {
	known := []serving.Broker{}
	for _, one := range brokers {
		known = append(known, serving.BrokerAt(one.ID(), one.Addr()))
	}
	return known
}

func (d *driver) describeCluster(serving.Nothing) (any, error) {
	brokers, controller, err := d.admin.DescribeCluster()
	return map[string]any{"brokers": told(brokers), "cluster_id": nil, "controller": controller}, err
}

// listed asks the leader itself: sarama's own GetOffset knows nothing of isolation.
func (d *driver) listed(where place, timestamp int64, isolation sarama.IsolationLevel) (*sarama.OffsetResponseBlock, error) {
	leader, err := d.client.Leader(where.Topic, where.Partition)
	if err != nil {
		return nil, err
	}
	request := &sarama.OffsetRequest{Version: 2, IsolationLevel: isolation}
	request.AddBlock(where.Topic, where.Partition, timestamp, 1)
	response, err := leader.GetAvailableOffsets(request)
	if err != nil {
		return nil, err
	}
	block := response.GetBlock(where.Topic, where.Partition)
	if block == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	return block, failed(block.Err)
}

func (d *driver) listOffsets(fields serving.ListOffsets) (any, error) {
	timestamp := fields.At.Number
	if fields.At.Word != "" {
		var err error
		if timestamp, err = serving.OneOf("the place", fields.At.Word, timestamps); err != nil {
			return nil, err
		}
	}
	isolation := sarama.ReadUncommitted
	if fields.Isolation == "read_committed" {
		isolation = sarama.ReadCommitted
	}
	found, err := d.listed(place{Topic: fields.Topic, Partition: fields.Partition}, timestamp, isolation)
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
	configs := map[string]*string{}
	for key, value := range fields.Configs {
		configs[key] = &value
	}
	detail := &sarama.TopicDetail{
		NumPartitions: fields.Partitions, ReplicationFactor: fields.Replication, ConfigEntries: configs,
	}
	return serving.Done, d.admin.CreateTopic(fields.Topic, detail, fields.ValidateOnly)
}

func (d *driver) deleteTopic(fields serving.Topic) (any, error) {
	return serving.Done, d.admin.DeleteTopic(fields.Topic)
}

func (d *driver) listTopics(serving.Nothing) (any, error) {
	listed, err := d.admin.ListTopics()
	topics := []string{}
	for name := range listed {
		topics = append(topics, name)
	}
	return map[string]any{"topics": topics}, err
}

func (d *driver) describeTopic(fields serving.Topic) (any, error) {
	described, err := d.admin.DescribeTopics([]string{fields.Topic})
	if err != nil {
		return nil, err
	}
	if len(described) != 1 {
		return nil, sarama.ErrIncompleteResponse
	}
	topic := described[0]
	if err := failed(topic.Err); err != nil {
		return nil, err
	}
	slices.SortFunc(topic.Partitions, func(a, b *sarama.PartitionMetadata) int { return int(a.ID - b.ID) })
	partitions := []map[string]any{}
	for _, one := range topic.Partitions {
		partitions = append(partitions, map[string]any{
			"partition": one.ID, "leader": one.Leader, "replicas": one.Replicas, "isr": one.Isr,
		})
	}
	return map[string]any{"partitions": partitions, "topic_id": topicID(topic)}, nil
}

func (d *driver) createPartitions(fields serving.CreatePartitions) (any, error) {
	return serving.Done, d.admin.CreatePartitions(fields.Topic, int32(fields.Total), nil, false)
}

func (d *driver) describeConfigs(fields serving.Resource) (any, error) {
	kind, err := serving.OneOf("the resource", fields.Resource, resources)
	if err != nil {
		return nil, err
	}
	described, err := d.admin.DescribeConfig(sarama.ConfigResource{Type: kind, Name: fields.Name})
	if err != nil {
		return nil, err
	}
	configs := map[string]serving.ConfigValue{}
	for _, config := range described {
		value := serving.ConfigValue{Value: &config.Value, ReadOnly: &config.ReadOnly, Sensitive: &config.Sensitive}
		if source, known := sources[config.Source]; known {
			value.Source = &source
		}
		configs[config.Name] = value
	}
	return map[string]any{"configs": configs}, nil
}

func (d *driver) alterConfigs(fields serving.AlterConfigs) (any, error) {
	kind, err := serving.OneOf("the resource", fields.Resource, resources)
	if err != nil {
		return nil, err
	}
	changes := map[string]sarama.IncrementalAlterConfigsEntry{}
	for name, value := range fields.Set {
		changes[name] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}
	}
	for _, name := range fields.Unset {
		changes[name] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationDelete}
	}
	return map[string]any{"incremental": true}, d.admin.IncrementalAlterConfig(kind, fields.Name, changes, false)
}

// deleteRecords asks the leader itself: ClusterAdmin keeps the low watermark to itself.
func (d *driver) deleteRecords(fields serving.DeleteRecords) (any, error) {
	leader, err := d.client.Leader(fields.Topic, fields.Partition)
	if err != nil {
		return nil, err
	}
	response, err := leader.DeleteRecords(&sarama.DeleteRecordsRequest{
		Timeout: 10 * time.Second,
		Topics: map[string]*sarama.DeleteRecordsRequestTopic{
			fields.Topic: {PartitionOffsets: map[int32]int64{fields.Partition: fields.Before}},
		},
	})
	if err != nil {
		return nil, err
	}
	topic := response.Topics[fields.Topic]
	if topic == nil || topic.Partitions[fields.Partition] == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	partition := topic.Partitions[fields.Partition]
	return map[string]any{"low_watermark": partition.LowWatermark}, failed(partition.Err)
}

func (d *driver) describeLogDirs(serving.Nothing) (any, error) {
	brokers, _, err := d.admin.DescribeCluster()
	if err != nil {
		return nil, err
	}
	ids := []int32{}
	for _, broker := range brokers {
		ids = append(ids, broker.ID())
	}
	described, err := d.admin.DescribeLogDirs(ids)
	topics := []string{}
	for _, dirs := range described {
		for _, dir := range dirs {
			for _, topic := range dir.Topics {
				topics = append(topics, topic.Topic)
			}
		}
	}
	slices.Sort(topics)
	return map[string]any{"topics": slices.Compact(topics)}, err
}

func (d *driver) createACL(fields serving.ACL) (any, error) {
	resource, acl, err := aclOf(fields)
	if err != nil {
		return nil, err
	}
	return serving.Done, d.admin.CreateACL(resource, acl)
}

func (d *driver) describeACLs(fields serving.ACL) (any, error) {
	filter, err := filterOf(fields)
	if err != nil {
		return nil, err
	}
	found, err := d.admin.ListAcls(filter)
	acls := []serving.ACL{}
	for _, resource := range found {
		for _, acl := range resource.Acls {
			acls = append(acls, serving.ACL{
				Resource: strings.ToLower(resource.ResourceType.String()), Name: resource.ResourceName,
				Principal: acl.Principal, Operation: strings.ToLower(acl.Operation.String()),
				Permission: strings.ToLower(acl.PermissionType.String()),
			})
		}
	}
	return map[string]any{"acls": acls}, err
}

func (d *driver) deleteACLs(fields serving.ACL) (any, error) {
	filter, err := filterOf(fields)
	if err != nil {
		return nil, err
	}
	deleted, err := d.admin.DeleteACL(filter, false)
	return map[string]any{"deleted": len(deleted)}, err
}

func aclOf(fields serving.ACL) (sarama.Resource, sarama.Acl, error) {
	resource := sarama.Resource{ResourceName: fields.Name, ResourcePatternType: sarama.AclPatternLiteral}
	acl := sarama.Acl{Principal: fields.Principal, Host: "*"}
	for _, wrong := range []error{
		resource.ResourceType.UnmarshalText([]byte(fields.Resource)),
		acl.Operation.UnmarshalText([]byte(fields.Operation)),
		acl.PermissionType.UnmarshalText([]byte(fields.Permission)),
	} {
		if wrong != nil {
			return resource, acl, wrong
		}
	}
	return resource, acl, nil
}

func filterOf(fields serving.ACL) (sarama.AclFilter, error) {
	resource, acl, err := aclOf(fields)
	return sarama.AclFilter{
		ResourceType: resource.ResourceType, ResourceName: &resource.ResourceName,
		ResourcePatternTypeFilter: resource.ResourcePatternType, Principal: &acl.Principal, Host: &acl.Host,
		Operation: acl.Operation, PermissionType: acl.PermissionType,
	}, err
}
