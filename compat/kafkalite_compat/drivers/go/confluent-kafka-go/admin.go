package main

import (
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"compat/serving"
)

var specs = map[string]kafka.OffsetSpec{
	"earliest": kafka.EarliestOffsetSpec, "latest": kafka.LatestOffsetSpec, "max_timestamp": kafka.MaxTimestampOffsetSpec,
}

var resources = map[string]kafka.ResourceType{
	"topic": kafka.ResourceTopic, "broker": kafka.ResourceBroker, "group": kafka.ResourceGroup,
}

var sources = map[kafka.ConfigSource]string{
	1: "DYNAMIC_TOPIC_CONFIG", 2: "DYNAMIC_BROKER_CONFIG", 3: "DYNAMIC_DEFAULT_BROKER_CONFIG",
	4: "STATIC_BROKER_CONFIG", 5: "DEFAULT_CONFIG", 8: "GROUP_CONFIG",
}

// forURLs: Kafka writes its ids in the base64 that is for URLs, the library in the other one.
var forURLs = strings.NewReplacer("+", "-", "/", "_")

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
		"describe_acls":     serving.Step(serving.ACL{}, d.describeACLs),
		"delete_acls":       serving.Step(serving.ACL{}, d.deleteACLs),
	}
}

// metadata is asked by a consumer of its own: whether a topic may be created is a property of a client.
func (d *driver) metadata(fields serving.Metadata) (any, error) {
	config := d.config()
	for key, value := range map[string]any{"group.id": "no-group", "allow.auto.create.topics": fields.AllowAutoCreate} {
		if err := set(config, key, value); err != nil {
			return nil, err
		}
	}
	asking, err := kafka.NewConsumer(config)
	if err != nil {
		return nil, unknownProperty(err)
	}
	defer asking.Close()
	found, err := asking.GetMetadata(fields.Topic, fields.Topic == nil, queryTimeoutMs)
	if err != nil {
		return nil, err
	}
	topics := map[string]int{}
	for name, topic := range found.Topics {
		if err := failed(topic.Error); err != nil {
			if fields.Topic != nil {
				return nil, err
			}
			continue // of all topics, those that are being deleted
		}
		topics[name] = len(topic.Partitions)
	}
	brokers := []serving.Broker{}
	for _, one := range found.Brokers {
		brokers = append(brokers, serving.Broker{ID: one.ID, Host: one.Host, Port: one.Port})
	}
	return map[string]any{"brokers": brokers, "topics": topics, "cluster_id": nil, "controller": nil}, nil
}

func (d *driver) describeCluster(serving.Nothing) (any, error) {
	ctx, done := step()
	defer done()
	found, err := d.admin.DescribeCluster(ctx)
	if err != nil {
		return nil, err
	}
	brokers := []serving.Broker{}
	for _, one := range found.Nodes {
		brokers = append(brokers, serving.Broker{ID: int32(one.ID), Host: one.Host, Port: one.Port})
	}
	answer := map[string]any{"brokers": brokers, "cluster_id": found.ClusterID, "controller": nil}
	if found.Controller != nil {
		answer["controller"] = found.Controller.ID
	}
	return answer, nil
}

func (d *driver) listOffsets(fields serving.ListOffsets) (any, error) {
	spec := kafka.NewOffsetSpecForTimestamp(fields.At.Number)
	if fields.At.Word != "" {
		var err error
		if spec, err = serving.OneOf("the place", fields.At.Word, specs); err != nil {
			return nil, err
		}
	}
	isolation := kafka.IsolationLevelReadUncommitted
	if fields.Isolation == "read_committed" {
		isolation = kafka.IsolationLevelReadCommitted
	}
	ctx, done := step()
	defer done()
	asked := map[kafka.TopicPartition]kafka.OffsetSpec{{Topic: &fields.Topic, Partition: fields.Partition}: spec}
	listed, err := d.admin.ListOffsets(ctx, asked, kafka.SetAdminIsolationLevel(isolation))
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"offset": nil, "timestamp_ms": nil}
	for _, found := range listed.ResultInfos {
		if err := failed(found.Error); err != nil {
			return nil, err
		}
		if found.Offset >= 0 {
			answer["offset"] = int64(found.Offset)
		}
		if found.Timestamp >= 0 {
			answer["timestamp_ms"] = found.Timestamp
		}
	}
	return answer, nil
}

func (d *driver) createTopic(fields serving.CreateTopic) (any, error) {
	ctx, done := step()
	defer done()
	results, err := d.admin.CreateTopics(ctx, []kafka.TopicSpecification{{
		Topic: fields.Topic, NumPartitions: int(fields.Partitions), ReplicationFactor: int(fields.Replication),
		Config: fields.Configs,
	}}, kafka.SetAdminValidateOnly(fields.ValidateOnly))
	return ofTopics(results, err)
}

func ofTopics(results []kafka.TopicResult, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	for _, result := range results {
		if err := failed(result.Error); err != nil {
			return nil, err
		}
	}
	return serving.Done, nil
}

func (d *driver) deleteTopic(fields serving.Topic) (any, error) {
	ctx, done := step()
	defer done()
	return ofTopics(d.admin.DeleteTopics(ctx, []string{fields.Topic}))
}

func (d *driver) listTopics(serving.Nothing) (any, error) {
	found, err := d.admin.GetMetadata(nil, true, queryTimeoutMs)
	if err != nil {
		return nil, err
	}
	topics := []string{}
	for name := range found.Topics {
		topics = append(topics, name)
	}
	return map[string]any{"topics": topics}, nil
}

func (d *driver) describeTopic(fields serving.Topic) (any, error) {
	ctx, done := step()
	defer done()
	described, err := d.admin.DescribeTopics(ctx, kafka.NewTopicCollectionOfTopicNames([]string{fields.Topic}))
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	for _, topic := range described.TopicDescriptions {
		if err := failed(topic.Error); err != nil {
			return nil, err
		}
		partitions := []map[string]any{}
		for _, one := range topic.Partitions {
			described := map[string]any{"partition": one.Partition, "leader": -1, "replicas": ids(one.Replicas), "isr": ids(one.Isr)}
			if one.Leader != nil {
				described["leader"] = one.Leader.ID
			}
			partitions = append(partitions, described)
		}
		answer["partitions"], answer["topic_id"] = partitions, forURLs.Replace(topic.TopicID.String())
	}
	return answer, nil
}

func ids(nodes []kafka.Node) []int {
	known := []int{}
	for _, one := range nodes {
		known = append(known, one.ID)
	}
	return known
}

func (d *driver) createPartitions(fields serving.CreatePartitions) (any, error) {
	ctx, done := step()
	defer done()
	return ofTopics(d.admin.CreatePartitions(ctx, []kafka.PartitionsSpecification{{
		Topic: fields.Topic, IncreaseTo: fields.Total,
	}}))
}

func (d *driver) describeConfigs(fields serving.Resource) (any, error) {
	kind, err := resourceOf(fields.Resource)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	described, err := d.admin.DescribeConfigs(ctx, []kafka.ConfigResource{{Type: kind, Name: fields.Name}})
	if err != nil {
		return nil, err
	}
	configs := map[string]serving.ConfigValue{}
	for _, resource := range described {
		if err := failed(resource.Error); err != nil {
			return nil, err
		}
		for name, config := range resource.Config {
			value := serving.ConfigValue{Value: &config.Value, ReadOnly: &config.IsReadOnly, Sensitive: &config.IsSensitive}
			if source, known := sources[config.Source]; known {
				value.Source = &source
			}
			configs[name] = value
		}
	}
	return map[string]any{"configs": configs}, nil
}

func resourceOf(name string) (kafka.ResourceType, error) {
	if name == "group" && !groupConfigs {
		return 0, serving.Unsupported("librdkafka has no configurations of groups in this version")
	}
	return serving.OneOf("the resource", name, resources)
}

func (d *driver) alterConfigs(fields serving.AlterConfigs) (any, error) {
	kind, err := resourceOf(fields.Resource)
	if err != nil {
		return nil, err
	}
	resource := kafka.ConfigResource{Type: kind, Name: fields.Name}
	for name, value := range fields.Set {
		resource.Config = append(resource.Config, kafka.ConfigEntry{
			Name: name, Value: value, IncrementalOperation: kafka.AlterConfigOpTypeSet,
		})
	}
	for _, name := range fields.Unset {
		resource.Config = append(resource.Config, kafka.ConfigEntry{Name: name, IncrementalOperation: kafka.AlterConfigOpTypeDelete})
	}
	ctx, done := step()
	defer done()
	altered, err := d.admin.IncrementalAlterConfigs(ctx, []kafka.ConfigResource{resource})
	if err != nil {
		return nil, err
	}
	for _, one := range altered {
		if err := failed(one.Error); err != nil {
			return nil, err
		}
	}
	return map[string]any{"incremental": true}, nil
}

func aclOf(fields serving.ACL) (kafka.ACLBinding, error) {
	operation, err := kafka.ACLOperationFromString(fields.Operation)
	if err != nil {
		return kafka.ACLBinding{}, err
	}
	permission, err := kafka.ACLPermissionTypeFromString(fields.Permission)
	if err != nil {
		return kafka.ACLBinding{}, err
	}
	return kafka.ACLBinding{
		Type: resources[fields.Resource], Name: fields.Name, ResourcePatternType: kafka.ResourcePatternTypeLiteral,
		Principal: fields.Principal, Host: "*", Operation: operation, PermissionType: permission,
	}, nil
}

func (d *driver) createACL(fields serving.ACL) (any, error) {
	acl, err := aclOf(fields)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	created, err := d.admin.CreateACLs(ctx, kafka.ACLBindings{acl})
	if err != nil {
		return nil, err
	}
	for _, one := range created {
		if err := failed(one.Error); err != nil {
			return nil, err
		}
	}
	return serving.Done, nil
}

func (d *driver) describeACLs(fields serving.ACL) (any, error) {
	filter, err := aclOf(fields)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	described, err := d.admin.DescribeACLs(ctx, filter)
	if err != nil {
		return nil, err
	}
	if err := failed(described.Error); err != nil {
		return nil, err
	}
	acls := []serving.ACL{}
	for _, one := range described.ACLBindings {
		acls = append(acls, serving.ACL{
			Resource: strings.ToLower(one.Type.String()), Name: one.Name, Principal: one.Principal,
			Operation: strings.ToLower(one.Operation.String()), Permission: strings.ToLower(one.PermissionType.String()),
		})
	}
	return map[string]any{"acls": acls}, nil
}

func (d *driver) deleteACLs(fields serving.ACL) (any, error) {
	filter, err := aclOf(fields)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	results, err := d.admin.DeleteACLs(ctx, kafka.ACLBindingFilters{filter})
	if err != nil {
		return nil, err
	}
	deleted := 0
	for _, result := range results {
		if err := failed(result.Error); err != nil {
			return nil, err
		}
		deleted += len(result.ACLBindings)
	}
	return map[string]any{"deleted": deleted}, nil
}
