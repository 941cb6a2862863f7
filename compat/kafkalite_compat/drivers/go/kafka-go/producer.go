package main

import (
	"context"
	"errors"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"compat/serving"
)

var codecs = map[string]kafka.Compression{
	"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
}

var acks = map[string]kafka.RequiredAcks{"0": kafka.RequireNone, "1": kafka.RequireOne, "all": kafka.RequireAll}

const writeTries = 5

type producer struct {
	writer  *kafka.Writer
	timeout time.Duration
	acked   bool // the broker tells offsets
}

// sent is what goes along with a message, from produce to whereAsked and back to completed.
type sent struct {
	partition *int32
	result    *serving.Written
}

func (d *driver) producerOps() map[string]serving.Op {
	return map[string]serving.Op{
		"open_producer":  serving.Step(serving.ProducerDefaults, d.openProducer),
		"produce":        serving.Step(serving.Produce{}, d.produce),
		"close_producer": serving.Step(serving.Producer{}, d.closeProducer),
	}
}

func (d *driver) openProducer(fields serving.OpenProducer) (any, error) {
	if fields.Idempotence || fields.TransactionalID != nil {
		return nil, serving.Unsupported(noTransactions)
	}
	if fields.MaxInFlight != nil {
		return nil, serving.Unsupported("kafka-go's Writer has no option for the number of requests in flight")
	}
	wanted, err := serving.OneOf("acks", fields.Acks, acks)
	if err != nil {
		return nil, err
	}
	codec, err := serving.OneOf("the codec", fields.Compression, codecs)
	if err != nil {
		return nil, err
	}
	made := &producer{timeout: serving.Ms(fields.DeliveryTimeoutMs), acked: fields.Acks != "0"}
	made.writer = &kafka.Writer{
		Addr: kafka.TCP(d.addresses...), Transport: d.transport, RequiredAcks: wanted, Compression: codec,
		Balancer:               whereAsked{&kafka.Hash{}},
		BatchTimeout:           max(serving.Ms(fields.LingerMs), time.Millisecond), // 0 would be its default, a second
		AllowAutoTopicCreation: true,                                               // as Kafka's own producer always does
		Completion:             made.completed,
		ErrorLogger:            logged(),
	}
	// The limit of a batch is that of a message too: who wants large requests wants large batches.
	if fields.MaxRequestBytes != nil {
		made.writer.BatchBytes = int64(*fields.MaxRequestBytes)
	}
	if fields.BatchBytes != nil {
		made.writer.BatchBytes = int64(*fields.BatchBytes)
	}
	if fields.Retries != nil {
		made.writer.MaxAttempts = *fields.Retries + 1
	}
	d.producers.Open(fields.Producer, made)
	return serving.Done, nil
}

func (d *driver) produce(fields serving.Produce) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	results := make([]serving.Written, len(fields.Records))
	messages := []kafka.Message{}
	for i, given := range fields.Records {
		messages = append(messages, messageOf(fields.Topic, given, &results[i]))
	}
	ctx, done := context.WithTimeout(context.Background(), made.timeout)
	defer done()
	err = made.write(ctx, messages) // completed has been called for those that were sent
	var each kafka.WriteErrors
	for i := range results {
		result := &results[i]
		if err == nil || result.Offset != nil || result.Error != nil {
			continue
		}
		if !errors.As(err, &each) {
			result.Error = explain(err)
		} else if each[i] != nil {
			result.Error = explain(each[i])
		}
	}
	return map[string]any{"results": results}, nil
}

// write tries again while a topic is being made, as kafka-go's own instructions have it, or has no leader just after a
// restart; nothing was sent then.
func (made *producer) write(ctx context.Context, messages []kafka.Message) error {
	for tries := 1; ; tries++ {
		err := made.writer.WriteMessages(ctx, messages...)
		if !unsent(err) || tries == writeTries {
			return err
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// unsent: none of the messages has left the client.
func unsent(err error) bool {
	var each kafka.WriteErrors
	if !errors.As(err, &each) {
		return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, kafka.LeaderNotAvailable)
	}
	for _, one := range each {
		if !errors.Is(one, protocol.ErrNoLeader) {
			return false
		}
	}
	return true
}

func messageOf(topic string, given serving.Record, result *serving.Written) kafka.Message {
	message := kafka.Message{
		Topic: topic, Key: given.Key, Value: given.Value, WriterData: sent{given.Partition, result},
	}
	if given.TimestampMs != nil {
		message.Time = time.UnixMilli(*given.TimestampMs)
	}
	for _, header := range given.Headers {
		message.Headers = append(message.Headers, kafka.Header{Key: header.Name, Value: header.Value})
	}
	return message
}

// completed is called for each batch, before WriteMessages returns.
func (made *producer) completed(messages []kafka.Message, err error) {
	for _, message := range messages {
		result := message.WriterData.(sent).result
		if err != nil {
			result.Error = explain(err)
			continue
		}
		result.Error = nil // of a try before
		result.Partition = serving.Some(int32(message.Partition))
		if made.acked {
			result.Offset = serving.Some(message.Offset)
		}
	}
}

func (d *driver) closeProducer(fields serving.Producer) (any, error) {
	made, err := d.producers.Take(fields.Producer)
	if err != nil {
		return nil, err
	}
	return serving.Done, made.writer.Close()
}

// whereAsked puts a message into the partition that was asked for, and leaves the others to the balancer inside.
type whereAsked struct{ others kafka.Balancer }

func (asked whereAsked) Balance(message kafka.Message, partitions ...int) int {
	if wanted := message.WriterData.(sent).partition; wanted != nil {
		return int(*wanted)
	}
	return asked.others.Balance(message, partitions...)
}
