package main

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"compat/serving"
)

// listGroups by the request itself: kadm keeps the types of the groups to itself.
func (d *driver) listGroups(serving.Nothing) (any, error) {
	ctx, done := step()
	defer done()
	response, err := kmsg.NewPtrListGroupsRequest().RequestWith(ctx, d.client)
	if err != nil {
		return nil, err
	}
	groups := []serving.ListedGroup{}
	for _, one := range response.Groups {
		groups = append(groups, serving.ListedGroup{Group: one.Group, State: &one.GroupState, Type: &one.GroupType})
	}
	return map[string]any{"groups": groups}, kerr.ErrorForCode(response.ErrorCode)
}

// describeModernGroup is nil for a group that is neither of KIP-848 nor of KIP-932.
func (d *driver) describeModernGroup(name string) (any, error) {
	ctx, done := step()
	defer done()
	consumers, err := d.admin.DescribeConsumerGroups(ctx, name)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	if group := consumers[name]; err == nil && group.Err == nil {
		members := []serving.Member{}
		for _, one := range group.Members {
			members = append(members, serving.Member{
				MemberID: one.MemberID, InstanceID: one.InstanceID, ClientID: one.ClientID, Partitions: places(one.Assignment),
			})
		}
		return map[string]any{"state": group.State, "members": members, "assignor": group.AssignorName}, nil
	}
	shares, err := d.admin.DescribeShareGroups(ctx, name)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	if group := shares[name]; err == nil && group.Err == nil {
		members := []serving.Member{}
		for _, one := range group.Members {
			members = append(members, serving.Member{MemberID: one.MemberID, ClientID: one.ClientID, Partitions: places(one.Assignment)})
		}
		return map[string]any{"state": group.GroupState, "members": members, "assignor": group.Assignor}, nil
	}
	return nil, nil
}

func places(set kadm.TopicsSet) []place {
	partitions := []place{}
	set.Each(func(topic string, partition int32) {
		partitions = append(partitions, place{Topic: topic, Partition: partition})
	})
	return partitions
}
