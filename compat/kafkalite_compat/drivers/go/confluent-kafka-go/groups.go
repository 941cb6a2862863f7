package main

import (
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"compat/serving"
)

func (d *driver) groupOps() map[string]serving.Op {
	return map[string]serving.Op{
		"list_groups":         serving.Step(serving.Nothing{}, d.listGroups),
		"describe_group":      serving.Step(serving.Group{}, d.describeGroup),
		"delete_group":        serving.Step(serving.Group{}, d.deleteGroup),
		"group_offsets":       serving.Step(serving.Group{}, d.groupOffsets),
		"alter_group_offsets": serving.Step(serving.GroupOffsets{}, d.alterGroupOffsets),
	}
}

func (d *driver) listGroups(serving.Nothing) (any, error) {
	ctx, done := step()
	defer done()
	listed, err := d.admin.ListConsumerGroups(ctx)
	if err != nil {
		return nil, err
	}
	groups := []serving.ListedGroup{}
	for _, one := range listed.Valid {
		state := one.State.String()
		groups = append(groups, serving.ListedGroup{Group: one.GroupID, State: &state, Type: typeOf(one)})
	}
	for _, err := range listed.Errors {
		return nil, err
	}
	return map[string]any{"groups": groups}, nil
}

func (d *driver) describeGroup(fields serving.Group) (any, error) {
	ctx, done := step()
	defer done()
	described, err := d.admin.DescribeConsumerGroups(ctx, []string{fields.Group})
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	for _, group := range described.ConsumerGroupDescriptions {
		if err := failed(group.Error); err != nil {
			return nil, err
		}
		members := []serving.Member{}
		for _, one := range group.Members {
			member := serving.Member{
				MemberID: one.ConsumerID, ClientID: one.ClientID, Partitions: places(one.Assignment.TopicPartitions),
			}
			if one.GroupInstanceID != "" {
				member.InstanceID = &one.GroupInstanceID
			}
			members = append(members, member)
		}
		answer["state"], answer["members"], answer["assignor"] = group.State.String(), members, group.PartitionAssignor
	}
	return answer, nil
}

func (d *driver) deleteGroup(fields serving.Group) (any, error) {
	ctx, done := step()
	defer done()
	deleted, err := d.admin.DeleteConsumerGroups(ctx, []string{fields.Group})
	if err != nil {
		return nil, err
	}
	for _, one := range deleted.ConsumerGroupResults {
		if err := failed(one.Error); err != nil {
			return nil, err
		}
	}
	return serving.Done, nil
}

func (d *driver) groupOffsets(fields serving.Group) (any, error) {
	ctx, done := step()
	defer done()
	listed, err := d.admin.ListConsumerGroupOffsets(ctx, []kafka.ConsumerGroupTopicPartitions{{Group: fields.Group}})
	if err != nil {
		return nil, err
	}
	offsets := []serving.CommittedOffset{}
	for _, group := range listed.ConsumerGroupsTopicPartitions {
		if err := firstError(group.Partitions); err != nil {
			return nil, err
		}
		offsets = append(offsets, told(group.Partitions)...)
	}
	return map[string]any{"offsets": offsets}, nil
}

func (d *driver) alterGroupOffsets(fields serving.GroupOffsets) (any, error) {
	ctx, done := step()
	defer done()
	altered, err := d.admin.AlterConsumerGroupOffsets(ctx, []kafka.ConsumerGroupTopicPartitions{{
		Group: fields.Group, Partitions: offsetsOf(fields.Offsets),
	}})
	if err != nil {
		return nil, err
	}
	for _, group := range altered.ConsumerGroupsTopicPartitions {
		if err := firstError(group.Partitions); err != nil {
			return nil, err
		}
	}
	return serving.Done, nil
}
