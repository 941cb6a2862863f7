package main

import (
	"strings"

	"github.com/segmentio/kafka-go"

	"compat/serving"
)

func (d *driver) newerOps() map[string]serving.Op {
	return map[string]serving.Op{
		"describe_acls": serving.Step(serving.ACL{}, d.describeACLs),
		"delete_acls":   serving.Step(serving.ACL{}, d.deleteACLs),
	}
}

func (d *driver) describeACLs(fields serving.ACL) (any, error) {
	operation, err := serving.OneOf("the operation", strings.ToLower(fields.Operation), operations)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	response, err := d.client.DescribeACLs(ctx, &kafka.DescribeACLsRequest{Filter: kafka.ACLFilter{
		ResourceTypeFilter: resources[fields.Resource], ResourceNameFilter: fields.Name,
		ResourcePatternTypeFilter: kafka.PatternTypeLiteral, PrincipalFilter: fields.Principal, HostFilter: "*",
		Operation: operation, PermissionType: permissions[strings.ToLower(fields.Permission)],
	}})
	if err != nil {
		return nil, err
	}
	acls := []serving.ACL{}
	for _, resource := range response.Resources {
		for _, acl := range resource.ACLs {
			acls = append(acls, serving.ACL{
				Resource: strings.ToLower(resource.ResourceType.String()), Name: resource.ResourceName,
				Principal: acl.Principal, Operation: strings.ToLower(acl.Operation.String()),
				Permission: strings.ToLower(acl.PermissionType.String()),
			})
		}
	}
	return map[string]any{"acls": acls}, response.Error
}

func (d *driver) deleteACLs(fields serving.ACL) (any, error) {
	operation, err := serving.OneOf("the operation", strings.ToLower(fields.Operation), operations)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	response, err := d.client.DeleteACLs(ctx, &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{
		ResourceTypeFilter: resources[fields.Resource], ResourceNameFilter: fields.Name,
		ResourcePatternTypeFilter: kafka.PatternTypeLiteral, PrincipalFilter: fields.Principal, HostFilter: "*",
		Operation: operation, PermissionType: permissions[strings.ToLower(fields.Permission)],
	}}})
	if err != nil {
		return nil, err
	}
	deleted := 0
	for _, result := range response.Results {
		if result.Error != nil {
			return nil, result.Error
		}
		deleted += len(result.MatchingACLs)
	}
	return map[string]any{"deleted": deleted}, nil
}
