package main

import (
	"github.com/segmentio/kafka-go"

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
	ctx, done := step()
	defer done()
	response, err := d.client.ListGroups(ctx, &kafka.ListGroupsRequest{})
	if err != nil {
		return nil, err
	}
	groups := []serving.ListedGroup{}
	for _, one := range response.Groups {
		groups = append(groups, serving.ListedGroup{Group: one.GroupID})
	}
	return map[string]any{"groups": groups}, response.Error
}

func (d *driver) describeGroup(fields serving.Group) (any, error) {
	ctx, done := step()
	defer done()
	response, err := d.client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{fields.Group}})
	if err != nil {
		return nil, err
	}
	for _, group := range response.Groups {
		members := []serving.Member{}
		for _, one := range group.Members {
			partitions := []place{}
			for _, topic := range one.MemberAssignments.Topics {
				for _, partition := range topic.Partitions {
					partitions = append(partitions, place{Topic: topic.Topic, Partition: int32(partition)})
				}
			}
			members = append(members, serving.Member{MemberID: one.MemberID, ClientID: one.ClientID, Partitions: partitions})
		}
		return map[string]any{"state": group.GroupState, "members": members, "assignor": nil}, group.Error
	}
	return nil, serving.NamedFailure("NoAnswer", "DescribeGroups answered nothing of the group")
}

func (d *driver) deleteGroup(fields serving.Group) (any, error) {
	ctx, done := step()
	defer done()
	response, err := d.client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{fields.Group}})
	if err != nil {
		return nil, err
	}
	return serving.Done, response.Errors[fields.Group]
}

func (d *driver) fetched(group string, topics map[string][]int) (*kafka.OffsetFetchResponse, error) {
	ctx, done := step()
	defer done()
	response, err := d.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: topics})
	if err != nil {
		return nil, err
	}
	return response, response.Error
}

// groupOffsets: without topics the request asks for all, in the versions that know of that.
func (d *driver) groupOffsets(fields serving.Group) (any, error) {
	if !asksForAllOffsets {
		return nil, serving.Unsupported("kafka-go's OffsetFetch asks for no topics, instead of all, in this version")
	}
	response, err := d.fetched(fields.Group, nil)
	if err != nil {
		return nil, err
	}
	offsets := []serving.CommittedOffset{}
	for topic, partitions := range response.Topics {
		for _, one := range partitions {
			if one.Error != nil {
				return nil, one.Error
			}
			offsets = append(offsets, serving.CommittedOffset{
				Topic: topic, Partition: int32(one.Partition), Offset: &one.CommittedOffset, Metadata: &one.Metadata,
			})
		}
	}
	return map[string]any{"offsets": offsets}, nil
}

// committedAt is what a group has committed, in the order of the partitions.
func (d *driver) committedAt(group string, wanted []place) ([]serving.CommittedOffset, error) {
	response, err := d.fetched(group, byTopic(wanted))
	if err != nil {
		return nil, err
	}
	found := map[place]kafka.OffsetFetchPartition{}
	for topic, partitions := range response.Topics {
		for _, one := range partitions {
			if one.Error != nil {
				return nil, one.Error
			}
			found[place{Topic: topic, Partition: int32(one.Partition)}] = one
		}
	}
	offsets := []serving.CommittedOffset{}
	for _, where := range wanted {
		one := serving.CommittedOffset{Topic: where.Topic, Partition: where.Partition}
		if fetched, there := found[where]; there && fetched.CommittedOffset >= 0 {
			one.Offset, one.Metadata = &fetched.CommittedOffset, &fetched.Metadata
		}
		offsets = append(offsets, one)
	}
	return offsets, nil
}

func byTopic(partitions []place) map[string][]int {
	topics := map[string][]int{}
	for _, where := range partitions {
		topics[where.Topic] = append(topics[where.Topic], int(where.Partition))
	}
	return topics
}

func (d *driver) alterGroupOffsets(fields serving.GroupOffsets) (any, error) {
	return serving.Done, d.commit(fields.Group, -1, "", fields.Offsets)
}

// commitTries is how often kafka-go's Reader tries; its Client tries once, on connections that may be of a broker before
// its restart.
const commitTries = 3

// commit is for a member, or with generation -1 from outside.
func (d *driver) commit(group string, generation int, id string, offsets []serving.CommittedOffset) error {
	topics := map[string][]kafka.OffsetCommit{}
	for _, one := range offsets {
		commit := kafka.OffsetCommit{Partition: int(one.Partition), Offset: *one.Offset}
		if one.Metadata != nil {
			commit.Metadata = *one.Metadata
		}
		topics[one.Topic] = append(topics[one.Topic], commit)
	}
	ctx, done := step()
	defer done()
	request := &kafka.OffsetCommitRequest{GroupID: group, GenerationID: generation, MemberID: id, Topics: topics}
	response, err := d.client.OffsetCommit(ctx, request)
	for tries := 1; err != nil && tries < commitTries; tries++ {
		response, err = d.client.OffsetCommit(ctx, request)
	}
	if err != nil {
		return err
	}
	for _, partitions := range response.Topics {
		for _, one := range partitions {
			if one.Error != nil {
				return one.Error
			}
		}
	}
	return nil
}

func (d *driver) deleteGroupOffsets(fields serving.GroupPartitions) (any, error) {
	ctx, done := step()
	defer done()
	response, err := d.client.OffsetDelete(ctx, &kafka.OffsetDeleteRequest{
		GroupID: fields.Group, Topics: byTopic(fields.Partitions),
	})
	if err != nil {
		return nil, err
	}
	for _, partitions := range response.Topics {
		for _, one := range partitions {
			if one.Error != nil {
				return nil, one.Error
			}
		}
	}
	return serving.Done, response.Error
}
