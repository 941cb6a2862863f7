package main

import (
	"github.com/IBM/sarama"

	"compat/serving"
)

func (d *driver) groupOps() map[string]serving.Op {
	return map[string]serving.Op{
		"list_groups":          serving.Step(serving.Nothing{}, d.listGroups),
		"describe_group":       serving.Step(serving.Group{}, d.describeGroup),
		"delete_group":         serving.Step(serving.Group{}, d.deleteGroup),
		"group_offsets":        serving.Step(serving.Group{}, d.groupOffsets),
		"alter_group_offsets":  serving.Step(serving.GroupOffsets{}, d.alterGroupOffsets),
		"delete_group_offsets": serving.Step(serving.GroupPartitions{}, d.deleteGroupOffsets),
	}
}

func (d *driver) listGroups(serving.Nothing) (any, error) {
	listed, err := d.admin.ListConsumerGroups()
	groups := []serving.ListedGroup{}
	for name := range listed {
		groups = append(groups, serving.ListedGroup{Group: name})
	}
	return map[string]any{"groups": groups}, err
}

func (d *driver) describeGroup(fields serving.Group) (any, error) {
	described, err := d.admin.DescribeConsumerGroups([]string{fields.Group})
	if err != nil {
		return nil, err
	}
	if len(described) != 1 {
		return nil, sarama.ErrIncompleteResponse
	}
	group := described[0]
	members := []serving.Member{}
	for id, one := range group.Members {
		partitions := []place{}
		if assignment, err := one.GetMemberAssignment(); err == nil && assignment != nil {
			for topic, numbers := range assignment.Topics {
				for _, number := range numbers {
					partitions = append(partitions, place{Topic: topic, Partition: number})
				}
			}
		}
		members = append(members, serving.Member{
			MemberID: id, InstanceID: one.GroupInstanceId, ClientID: one.ClientId, Partitions: partitions,
		})
	}
	return map[string]any{"state": group.State, "members": members, "assignor": group.Protocol}, failed(group.Err)
}

func (d *driver) deleteGroup(fields serving.Group) (any, error) {
	return serving.Done, d.admin.DeleteConsumerGroup(fields.Group)
}

func (d *driver) groupOffsets(fields serving.Group) (any, error) {
	response, err := d.admin.ListConsumerGroupOffsets(fields.Group, nil)
	if err != nil {
		return nil, err
	}
	offsets := []serving.CommittedOffset{}
	for topic, partitions := range response.Blocks {
		for partition, block := range partitions {
			if err := failed(block.Err); err != nil {
				return nil, err
			}
			offsets = append(offsets, serving.CommittedOffset{
				Topic: topic, Partition: partition, Offset: &block.Offset, Metadata: &block.Metadata,
			})
		}
	}
	return map[string]any{"offsets": offsets}, failed(response.Err)
}

// committedAt is what a group has committed, in the order of the partitions.
func (d *driver) committedAt(group string, partitions []place) ([]serving.CommittedOffset, error) {
	response, err := d.admin.ListConsumerGroupOffsets(group, byTopic(partitions))
	if err != nil {
		return nil, err
	}
	if err := failed(response.Err); err != nil {
		return nil, err
	}
	offsets := []serving.CommittedOffset{}
	for _, where := range partitions {
		one := serving.CommittedOffset{Topic: where.Topic, Partition: where.Partition}
		if block := response.GetBlock(where.Topic, where.Partition); block != nil {
			if err := failed(block.Err); err != nil {
				return nil, err
			}
			if block.Offset >= 0 {
				one.Offset, one.Metadata = &block.Offset, &block.Metadata
			}
		}
		offsets = append(offsets, one)
	}
	return offsets, nil
}

func (d *driver) alterGroupOffsets(fields serving.GroupOffsets) (any, error) {
	return serving.Done, d.commitFromOutside(fields.Group, fields.Offsets)
}

// commitFromOutside commits for a group without being a member, by the request itself.
func (d *driver) commitFromOutside(group string, offsets []serving.CommittedOffset) error {
	coordinator, err := d.client.Coordinator(group)
	if err != nil {
		return err
	}
	request := &sarama.OffsetCommitRequest{
		Version: 6, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined,
	}
	for _, one := range offsets {
		metadata := ""
		if one.Metadata != nil {
			metadata = *one.Metadata
		}
		request.AddBlock(one.Topic, one.Partition, *one.Offset, 0, metadata)
	}
	response, err := coordinator.CommitOffset(request)
	if err != nil {
		return err
	}
	for _, partitions := range response.Errors {
		for _, code := range partitions {
			if err := failed(code); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *driver) deleteGroupOffsets(fields serving.GroupPartitions) (any, error) {
	for _, one := range fields.Partitions {
		if err := d.admin.DeleteConsumerGroupOffset(fields.Group, one.Topic, one.Partition); err != nil {
			return nil, err
		}
	}
	return serving.Done, nil
}
