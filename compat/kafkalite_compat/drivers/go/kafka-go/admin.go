package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"compat/serving"
)

var timestamps = map[string]int64{"earliest": kafka.FirstOffset, "latest": kafka.LastOffset}

var resources = map[string]kafka.ResourceType{"topic": 2, "broker": 4, "group": 32}

var sources = map[int8]string{
	1: "DYNAMIC_TOPIC_CONFIG", 2: "DYNAMIC_BROKER_CONFIG", 3: "DYNAMIC_DEFAULT_BROKER_CONFIG",
	4: "STATIC_BROKER_CONFIG", 5: "DEFAULT_CONFIG", 8: "GROUP_CONFIG",
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
		"create_acl":        serving.Step(serving.ACL{}, d.createACL),
	}
}

// known is asked by a transport of its own: one that has been asked before answers from what it knew then.
func (d *driver) known(topics ...string) (*kafka.MetadataResponse, error) {
	ctx, done := step()
	defer done()
	fresh := &kafka.Transport{MetadataTTL: stepTimeout, ClientID: d.transport.ClientID}
	defer fresh.CloseIdleConnections()
	client := &kafka.Client{Addr: d.client.Addr, Transport: fresh, Timeout: stepTimeout}
	return client.Metadata(ctx, &kafka.MetadataRequest{Topics: topics})
}

func (d *driver) metadata(fields serving.Metadata) (any, error) {
	if fields.AllowAutoCreate {
		return nil, serving.Unsupported("kafka-go's Client.Metadata never has a topic created")
	}
	var wanted []string
	if fields.Topic != nil {
		wanted = []string{*fields.Topic}
	}
	response, err := d.known(wanted...)
	if err != nil {
		return nil, err
	}
	topics := map[string]int{}
	for _, topic := range response.Topics {
		if topic.Error != nil && fields.Topic != nil {
			return nil, topic.Error
		}
		if topic.Error == nil {
			topics[topic.Name] = len(topic.Partitions)
		}
	}
	return map[string]any{
		"brokers": told(response.Brokers), "topics": topics,
		"cluster_id": response.ClusterID, "controller": response.Controller.ID,
	}, nil
}

func told(brokers []kafka.Broker) []serving.Broker {
	known := []serving.Broker{}
	for _, one := range brokers {
		known = append(known, serving.Broker{ID: int32(one.ID), Host: one.Host, Port: one.Port})
	}
	return known
}

func (d *driver) describeCluster(serving.Nothing) (any, error) {
	response, err := d.known()
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"brokers": told(response.Brokers), "cluster_id": response.ClusterID, "controller": response.Controller.ID,
	}, nil
}

// listed is the offset and, where there is one, the time of what a timestamp stands for.
func (d *driver) listed(where place, timestamp int64, isolation kafka.IsolationLevel) (offset int64, timestampMs *int64, err error) {
	ctx, done := step()
	defer done()
	response, err := d.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics:         map[string][]kafka.OffsetRequest{where.Topic: {{Partition: int(where.Partition), Timestamp: timestamp}}},
		IsolationLevel: isolation,
	})
	if err != nil {
		return 0, nil, err
	}
	for _, found := range response.Topics[where.Topic] {
		switch {
		case found.Error != nil:
			return 0, nil, found.Error
		case timestamp == kafka.FirstOffset:
			return found.FirstOffset, nil, nil
		case timestamp == kafka.LastOffset:
			return found.LastOffset, nil, nil
		}
		for offset, at := range found.Offsets {
			if offset >= 0 {
				return offset, serving.Some(at.UnixMilli()), nil
			}
		}
		return -1, nil, nil
	}
	return 0, nil, fmt.Errorf("ListOffsets answered nothing of %v", where)
}

func (d *driver) offsetAt(where place, word string, isolation kafka.IsolationLevel) (int64, error) {
	timestamp, err := serving.OneOf("the place", word, timestamps)
	if err != nil {
		return 0, err
	}
	offset, _, err := d.listed(where, timestamp, isolation)
	return offset, err
}

func (d *driver) listOffsets(fields serving.ListOffsets) (any, error) {
	timestamp := fields.At.Number
	if fields.At.Word != "" {
		var err error
		if timestamp, err = serving.OneOf("the place", fields.At.Word, timestamps); err != nil {
			return nil, err
		}
	}
	isolation := kafka.ReadUncommitted
	if fields.Isolation == "read_committed" {
		isolation = kafka.ReadCommitted
	}
	offset, timestampMs, err := d.listed(place{Topic: fields.Topic, Partition: fields.Partition}, timestamp, isolation)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"offset": nil, "timestamp_ms": timestampMs}
	if offset >= 0 {
		answer["offset"] = offset
	}
	return answer, nil
}

func (d *driver) createTopic(fields serving.CreateTopic) (any, error) {
	config := kafka.TopicConfig{
		Topic: fields.Topic, NumPartitions: int(fields.Partitions), ReplicationFactor: int(fields.Replication),
	}
	for name, value := range fields.Configs {
		config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	patience := stepTimeout
	if fields.ValidateOnly {
		patience = 2 * time.Second // for it waits until the topic is there, and then says that all is well
	}
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	response, err := d.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{config}, ValidateOnly: fields.ValidateOnly,
	})
	if err != nil {
		return nil, err
	}
	return serving.Done, response.Errors[fields.Topic]
}

func (d *driver) deleteTopic(fields serving.Topic) (any, error) {
	ctx, done := step()
	defer done()
	response, err := d.client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{fields.Topic}})
	if err != nil {
		return nil, err
	}
	return serving.Done, response.Errors[fields.Topic]
}

func (d *driver) listTopics(serving.Nothing) (any, error) {
	response, err := d.known()
	if err != nil {
		return nil, err
	}
	topics := []string{}
	for _, topic := range response.Topics {
		topics = append(topics, topic.Name)
	}
	return map[string]any{"topics": topics}, nil
}

func (d *driver) describeTopic(fields serving.Topic) (any, error) {
	response, err := d.known(fields.Topic)
	if err != nil {
		return nil, err
	}
	partitions := []map[string]any{}
	for _, topic := range response.Topics {
		if topic.Error != nil {
			return nil, topic.Error
		}
		for _, one := range topic.Partitions {
			partitions = append(partitions, map[string]any{
				"partition": one.ID, "leader": one.Leader.ID, "replicas": ids(one.Replicas), "isr": ids(one.Isr),
			})
		}
	}
	return map[string]any{"partitions": partitions, "topic_id": nil}, nil
}

func ids(brokers []kafka.Broker) []int {
	known := []int{}
	for _, one := range brokers {
		known = append(known, one.ID)
	}
	return known
}

func (d *driver) createPartitions(fields serving.CreatePartitions) (any, error) {
	ctx, done := step()
	defer done()
	response, err := d.client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: fields.Topic, Count: int32(fields.Total)}},
	})
	if err != nil {
		return nil, err
	}
	return serving.Done, response.Errors[fields.Topic]
}

func (d *driver) describeConfigs(fields serving.Resource) (any, error) {
	kind, err := serving.OneOf("the resource", fields.Resource, resources)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	response, err := d.client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kind, ResourceName: fields.Name}},
	})
	if err != nil {
		return nil, err
	}
	configs := map[string]serving.ConfigValue{}
	for _, resource := range response.Resources {
		if resource.Error != nil {
			return nil, resource.Error
		}
		for _, config := range resource.ConfigEntries {
			value := serving.ConfigValue{
				Value: &config.ConfigValue, ReadOnly: &config.ReadOnly, Sensitive: &config.IsSensitive,
			}
			if source, known := sources[config.ConfigSource]; known {
				value.Source = &source
			}
			configs[config.ConfigName] = value
		}
	}
	return map[string]any{"configs": configs}, nil
}

func (d *driver) alterConfigs(fields serving.AlterConfigs) (any, error) {
	kind, err := serving.OneOf("the resource", fields.Resource, resources)
	if err != nil {
		return nil, err
	}
	resource := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kind, ResourceName: fields.Name}
	for name, value := range fields.Set {
		resource.Configs = append(resource.Configs, kafka.IncrementalAlterConfigsRequestConfig{
			Name: name, Value: value, ConfigOperation: kafka.ConfigOperationSet,
		})
	}
	for _, name := range fields.Unset {
		resource.Configs = append(resource.Configs, kafka.IncrementalAlterConfigsRequestConfig{
			Name: name, ConfigOperation: kafka.ConfigOperationDelete,
		})
	}
	ctx, done := step()
	defer done()
	response, err := d.client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{resource},
	})
	if err != nil {
		return nil, err
	}
	for _, altered := range response.Resources {
		if altered.Error != nil {
			return nil, altered.Error
		}
	}
	return map[string]any{"incremental": true}, nil
}

var operations = map[string]kafka.ACLOperationType{
	"all": kafka.ACLOperationTypeAll, "read": kafka.ACLOperationTypeRead, "write": kafka.ACLOperationTypeWrite,
	"create": kafka.ACLOperationTypeCreate, "delete": kafka.ACLOperationTypeDelete,
	"alter": kafka.ACLOperationTypeAlter, "describe": kafka.ACLOperationTypeDescribe,
}

var permissions = map[string]kafka.ACLPermissionType{
	"allow": kafka.ACLPermissionTypeAllow, "deny": kafka.ACLPermissionTypeDeny,
}

func (d *driver) createACL(fields serving.ACL) (any, error) {
	operation, err := serving.OneOf("the operation", strings.ToLower(fields.Operation), operations)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	response, err := d.client.CreateACLs(ctx, &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{
		ResourceType: resources[fields.Resource], ResourceName: fields.Name, ResourcePatternType: kafka.PatternTypeLiteral,
		Principal: fields.Principal, Host: "*", Operation: operation, PermissionType: permissions[strings.ToLower(fields.Permission)],
	}}})
	if err != nil {
		return nil, err
	}
	for _, err := range response.Errors {
		if err != nil {
			return nil, err
		}
	}
	return serving.Done, nil
}
