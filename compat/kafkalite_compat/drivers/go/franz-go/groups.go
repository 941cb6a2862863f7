package main

import (
	"github.com/twmb/franz-go/pkg/kadm"

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

// describeGroup asks for each type of group that the version knows of.
func (d *driver) describeGroup(fields serving.Group) (any, error) {
	if found, err := d.describeModernGroup(fields.Group); found != nil || err != nil {
		return found, err
	}
	ctx, done := step()
	defer done()
	described, err := d.admin.DescribeGroups(ctx, fields.Group)
	if err != nil {
		return nil, err
	}
	group := described[fields.Group]
	members := []serving.Member{}
	for _, one := range group.Members {
		members = append(members, serving.Member{
			MemberID: one.MemberID, InstanceID: one.InstanceID, ClientID: one.ClientID, Partitions: assignedTo(one),
		})
	}
	return map[string]any{"state": group.State, "members": members, "assignor": group.Protocol}, group.Err
}

func assignedTo(member kadm.DescribedGroupMember) []serving.TopicPartition {
	partitions := []serving.TopicPartition{}
	if assignment, ok := member.Assigned.AsConsumer(); ok {
		for _, topic := range assignment.Topics {
			for _, partition := range topic.Partitions {
				partitions = append(partitions, serving.TopicPartition{Topic: topic.Topic, Partition: partition})
			}
		}
	}
	return partitions
}

func (d *driver) deleteGroup(fields serving.Group) (any, error) {
	ctx, done := step()
	defer done()
	deleted, err := d.admin.DeleteGroups(ctx, fields.Group)
	if err != nil {
		return nil, err
	}
	return serving.Done, deleted[fields.Group].Err
}

func (d *driver) groupOffsets(fields serving.Group) (any, error) {
	ctx, done := step()
	defer done()
	found, err := d.admin.FetchOffsets(ctx, fields.Group)
	if err != nil {
		return nil, err
	}
	offsets := []serving.CommittedOffset{}
	for _, one := range found.Sorted() {
		if one.Err != nil {
			return nil, one.Err
		}
		offsets = append(offsets, serving.CommittedOffset{
			Topic: one.Topic, Partition: one.Partition, Offset: &one.At, Metadata: &one.Metadata,
		})
	}
	return map[string]any{"offsets": offsets}, nil
}

func (d *driver) alterGroupOffsets(fields serving.GroupOffsets) (any, error) {
	ctx, done := step()
	defer done()
	return serving.Done, d.admin.CommitAllOffsets(ctx, fields.Group, adminOffsets(fields.Offsets))
}

func (d *driver) deleteGroupOffsets(fields serving.GroupPartitions) (any, error) {
	ctx, done := step()
	defer done()
	deleting := kadm.TopicsSet{}
	for _, one := range fields.Partitions {
		deleting.Add(one.Topic, one.Partition)
	}
	deleted, err := d.admin.DeleteOffsets(ctx, fields.Group, deleting)
	if err != nil {
		return nil, err
	}
	for _, partitions := range deleted {
		for _, err := range partitions {
			if err != nil {
				return nil, err
			}
		}
	}
	return serving.Done, nil
}
