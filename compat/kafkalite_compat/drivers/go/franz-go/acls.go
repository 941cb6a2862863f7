package main

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"compat/serving"
)

const anyHost = "*"

func (d *driver) createACL(fields serving.ACL) (any, error) {
	builder, err := acls(fields)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	created, err := d.admin.CreateACLs(ctx, builder)
	if err != nil {
		return nil, err
	}
	for _, one := range created {
		if one.Err != nil {
			return nil, one.Err
		}
	}
	return serving.Done, nil
}

func (d *driver) describeACLs(fields serving.ACL) (any, error) {
	builder, err := acls(fields)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	described, err := d.admin.DescribeACLs(ctx, builder)
	if err != nil {
		return nil, err
	}
	found := []serving.ACL{}
	for _, result := range described {
		if result.Err != nil {
			return nil, result.Err
		}
		for _, one := range result.Described {
			found = append(found, serving.ACL{
				Resource: word(one.Type), Name: one.Name, Principal: one.Principal,
				Operation: word(one.Operation), Permission: word(one.Permission),
			})
		}
	}
	return map[string]any{"acls": found}, nil
}

func (d *driver) deleteACLs(fields serving.ACL) (any, error) {
	builder, err := acls(fields)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	results, err := d.admin.DeleteACLs(ctx, builder)
	if err != nil {
		return nil, err
	}
	deleted := 0
	for _, result := range results {
		if result.Err != nil {
			return nil, result.Err
		}
		deleted += len(result.Deleted)
	}
	return map[string]any{"deleted": deleted}, nil
}

func acls(fields serving.ACL) (*kadm.ACLBuilder, error) {
	if fields.Resource != "topic" {
		return nil, serving.Unsupported("the suite's ACLs are about topics")
	}
	operation, err := kmsg.ParseACLOperation(fields.Operation)
	if err != nil {
		return nil, err
	}
	builder := kadm.NewACLs().Topics(fields.Name).ResourcePatternType(kadm.ACLPatternLiteral).Operations(operation)
	if strings.EqualFold(fields.Permission, "deny") {
		return builder.Deny(fields.Principal).DenyHosts(anyHost), nil
	}
	return builder.Allow(fields.Principal).AllowHosts(anyHost), nil
}

// word is a name as DRIVERS.md has it: "topic", "read", "allow".
func word(name interface{ String() string }) string { return strings.ToLower(name.String()) }
