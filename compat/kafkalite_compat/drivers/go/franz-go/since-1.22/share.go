package main

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"compat/serving"
)

var lacks = map[string]string{"": "franz-go is a client: it has no such thing"}

var ackStatuses = map[string]kgo.AckStatus{"accept": kgo.AckAccept, "release": kgo.AckRelease, "reject": kgo.AckReject}

// shareConsumer is what a consumer of a share group has besides.
type shareConsumer struct {
	fields serving.OpenShareConsumer
	given  map[place]map[int64]*kgo.Record // by offset: what poll has given last

	mutex  sync.Mutex
	failed error // of the acknowledgements since the last commit
}

func (d *driver) shareOps() map[string]serving.Op {
	return map[string]serving.Op{
		"open_share_consumer": serving.Step(serving.ShareConsumerDefaults, d.openShareConsumer),
		"acknowledge":         serving.Step(serving.Acknowledge{}, d.acknowledge),
		"commit_share":        serving.Step(serving.Consumer{}, d.commitShare),
	}
}

func (d *driver) openShareConsumer(fields serving.OpenShareConsumer) (any, error) {
	d.consumers.Open(fields.Consumer, &consumer{
		next: map[place]int64{}, assigned: map[place]bool{},
		share: &shareConsumer{fields: fields, given: map[place]map[int64]*kgo.Record{}},
	})
	return serving.Done, nil
}

func (d *driver) subscribeShare(c *consumer, fields serving.Subscribe) error {
	if fields.Pattern != nil {
		return serving.Unsupported("a share group is not subscribed by a pattern")
	}
	return c.replace(d.options(
		kgo.ShareGroup(c.share.fields.Group),
		kgo.ConsumeTopics(fields.Topics...),
		kgo.ShareAckCallback(c.share.acknowledged),
	))
}

func (share *shareConsumer) held(record *kgo.Record, polled *serving.Polled) {
	count := record.DeliveryCount()
	polled.DeliveryCount = &count
	where := place{Topic: record.Topic, Partition: record.Partition}
	if share.given[where] == nil {
		share.given[where] = map[int64]*kgo.Record{}
	}
	share.given[where][record.Offset] = record
}

func (share *shareConsumer) acknowledged(_ *kgo.Client, results kgo.ShareAckResults) {
	share.mutex.Lock()
	defer share.mutex.Unlock()
	for _, result := range results {
		if share.failed == nil {
			share.failed = result.Err
		}
	}
}

func (d *driver) acknowledge(fields serving.Acknowledge) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	status, err := serving.OneOf("the acknowledgement", fields.Type, ackStatuses)
	if err != nil {
		return nil, err
	}
	record := c.share.given[place{Topic: fields.Topic, Partition: fields.Partition}][fields.Offset]
	if record == nil {
		return nil, serving.NamedFailure("BadStep", "this record was not polled")
	}
	record.Ack(status)
	return serving.Done, nil
}

// commitShare: with implicit acknowledgement what was polled is accepted now, as it would be by the next poll.
func (d *driver) commitShare(fields serving.Consumer) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.share.fields.Acknowledgement == "implicit" {
		c.client.MarkAcks(kgo.AckAccept)
	}
	ctx, done := step()
	defer done()
	if err := c.client.FlushAcks(ctx); err != nil {
		return nil, err
	}
	c.share.mutex.Lock()
	defer c.share.mutex.Unlock()
	err, c.share.failed = c.share.failed, nil
	return serving.Done, err
}
