package main

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"compat/serving"
)

// What a consumer reads, and which partitions it has.

func (d *driver) poll(fields serving.Poll) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.client == nil {
		return nil, serving.NamedFailure("BadStep", "poll before assign or subscribe")
	}
	ctx, done := context.WithTimeout(context.Background(), serving.Ms(fields.TimeoutMs))
	defer done()
	for {
		fetches := c.client.PollRecords(ctx, fields.MaxRecords)
		if err := failed(fetches); err != nil {
			return nil, err
		}
		if records := fetches.Records(); len(records) > 0 || ctx.Err() != nil {
			return serving.Records(c.polled(records)), nil
		}
	}
}

// failed is the first error that is not the end of our own patience, nor of a session with a broker that is away just
// now: the library goes on by itself then.
func failed(fetches kgo.Fetches) error {
	for _, failure := range fetches.Errors() {
		var session *kgo.ErrGroupSession
		passing := errors.As(failure.Err, &session) && !errors.As(errors.Unwrap(session), new(*kerr.Error))
		if !passing && !errors.Is(failure.Err, context.DeadlineExceeded) {
			return failure.Err
		}
	}
	return nil
}

var timestampTypes = map[int8]string{0: "create", 1: "append"}

func (c *consumer) polled(records []*kgo.Record) []serving.Polled {
	var polled []serving.Polled
	for _, record := range records {
		one := serving.Polled{
			Topic: record.Topic, Partition: record.Partition, Offset: record.Offset,
			TimestampMs: record.Timestamp.UnixMilli(), Key: record.Key, Value: record.Value,
			Headers: []serving.Header{},
		}
		if name, known := timestampTypes[record.Attrs.TimestampType()]; known {
			one.TimestampType = &name
		}
		for _, header := range record.Headers {
			one.Headers = append(one.Headers, serving.Header{Name: header.Key, Value: header.Value})
		}
		if c.share != nil {
			c.share.held(record, &one)
		}
		c.next[place{Topic: record.Topic, Partition: record.Partition}] = record.Offset + 1
		polled = append(polled, one)
	}
	return polled
}

func (d *driver) assignment(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var partitions []place
	for where := range c.assigned {
		partitions = append(partitions, where)
	}
	answer := map[string]any{"partitions": serving.List(partitions), "member_id": nil, "generation": nil}
	if c.client != nil && !c.direct && c.fields.Group != nil {
		answer["member_id"], answer["generation"] = c.client.GroupMetadata()
	}
	return answer, nil
}

func (d *driver) rebalances(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	events := serving.List(c.events)
	c.events = nil
	return map[string]any{"events": events}, nil
}

func (c *consumer) onAssigned(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	c.rebalanced("assigned", partitions, true)
}

// onRevoked commits, as the library does by itself where it is not told when partitions go.
func (c *consumer) onRevoked(ctx context.Context, client *kgo.Client, partitions map[string][]int32) {
	if c.fields.AutoCommit && c.share == nil {
		_ = client.CommitUncommittedOffsets(ctx) // what cannot be committed is read again: the library's own way
	}
	c.rebalanced("revoked", partitions, false)
}

func (c *consumer) onLost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	c.rebalanced("lost", partitions, false)
}

func (c *consumer) rebalanced(kind string, partitions map[string][]int32, holds bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	event := serving.Event{Kind: kind, Partitions: []place{}}
	for topic, numbers := range partitions {
		for _, number := range numbers {
			where := place{Topic: topic, Partition: number}
			event.Partitions = append(event.Partitions, where)
			if holds {
				c.assigned[where] = true
			} else {
				delete(c.assigned, where)
			}
		}
	}
	c.events = append(c.events, event)
}
