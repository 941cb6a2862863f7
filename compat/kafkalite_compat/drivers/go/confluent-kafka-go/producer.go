package main

import (
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"compat/serving"
)

type producer struct {
	*kafka.Producer
	acked bool // the broker tells offsets
}

func (d *driver) producerOps() map[string]serving.Op {
	return map[string]serving.Op{
		"open_producer":  serving.Step(serving.ProducerDefaults, d.openProducer),
		"produce":        serving.Step(serving.Produce{}, d.produce),
		"begin":          serving.Step(serving.Producer{}, d.begin),
		"commit":         serving.Step(serving.Producer{}, d.commit),
		"abort":          serving.Step(serving.Producer{}, d.abort),
		"send_offsets":   serving.Step(serving.SendOffsets{}, d.sendOffsets),
		"close_producer": serving.Step(serving.Producer{}, d.closeProducer),
	}
}

func (d *driver) openProducer(fields serving.OpenProducer) (any, error) {
	config, err := d.producerConfig(fields)
	if err != nil {
		return nil, err
	}
	client, err := kafka.NewProducer(config)
	if err != nil {
		return nil, unknownProperty(err)
	}
	go ignore(client.Events())
	made := &producer{client, fields.Acks != "0"}
	if fields.TransactionalID != nil {
		ctx, done := step()
		defer done()
		if err := client.InitTransactions(ctx); err != nil {
			client.Close()
			return nil, err
		}
	}
	d.producers.Open(fields.Producer, made)
	return serving.Done, nil
}

// ignore: what happened to a message is told by the channel that was given with it, all else is in the log.
func ignore(events <-chan kafka.Event) {
	for range events {
	}
}

func (d *driver) producerConfig(fields serving.OpenProducer) (*kafka.ConfigMap, error) {
	settings := map[string]any{
		"acks": fields.Acks, "compression.type": fields.Compression, "enable.idempotence": fields.Idempotence,
		"linger.ms": fields.LingerMs, "delivery.timeout.ms": fields.DeliveryTimeoutMs,
	}
	if fields.TransactionalID != nil {
		settings["transactional.id"] = *fields.TransactionalID
		settings["transaction.timeout.ms"] = fields.TransactionTimeoutMs
		settings["enable.idempotence"] = true
		// librdkafka wants a record to be given up before its transaction.
		settings["delivery.timeout.ms"] = min(fields.DeliveryTimeoutMs, fields.TransactionTimeoutMs)
	}
	for key, value := range map[string]*int{
		"batch.size": fields.BatchBytes, "message.max.bytes": fields.MaxRequestBytes, "retries": fields.Retries,
		"max.in.flight.requests.per.connection": fields.MaxInFlight,
	} {
		if value != nil {
			settings[key] = *value
		}
	}
	config := d.config()
	for key, value := range settings {
		if err := set(config, key, value); err != nil {
			return nil, err
		}
	}
	return config, nil
}

func (d *driver) produce(fields serving.Produce) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	results := make([]serving.Written, len(fields.Records))
	reports := make(chan kafka.Event, len(fields.Records))
	waiting := 0
	for i, given := range fields.Records {
		if err := made.send(messageOf(fields.Topic, given, i), reports); err != nil {
			results[i] = serving.Written{Error: explain(err)}
		} else {
			waiting++
		}
	}
	for range waiting {
		message := (<-reports).(*kafka.Message)
		results[message.Opaque.(int)] = made.written(message)
	}
	return map[string]any{"results": results}, nil
}

// send waits while the library's queue is full.
func (made *producer) send(message *kafka.Message, reports chan kafka.Event) error {
	for {
		err := made.Produce(message, reports)
		if told, ok := err.(kafka.Error); !ok || told.Code() != kafka.ErrQueueFull {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func messageOf(topic string, given serving.Record, index int) *kafka.Message {
	message := &kafka.Message{
		TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: kafka.PartitionAny},
		Key:            given.Key, Value: given.Value, Opaque: index,
	}
	if given.Partition != nil {
		message.TopicPartition.Partition = *given.Partition
	}
	if given.TimestampMs != nil {
		message.Timestamp = time.UnixMilli(*given.TimestampMs)
	}
	for _, header := range given.Headers {
		message.Headers = append(message.Headers, kafka.Header{Key: header.Name, Value: header.Value})
	}
	return message
}

func (made *producer) written(message *kafka.Message) serving.Written {
	if err := message.TopicPartition.Error; err != nil {
		return serving.Written{Error: explain(err)}
	}
	written := serving.Written{Partition: &message.TopicPartition.Partition}
	if made.acked {
		written.Offset = serving.Some(int64(message.TopicPartition.Offset))
		if message.TimestampType != kafka.TimestampNotAvailable {
			written.TimestampMs = serving.Some(message.Timestamp.UnixMilli())
		}
	}
	return written
}

func (d *driver) begin(fields serving.Producer) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	return serving.Done, made.BeginTransaction()
}

func (d *driver) commit(fields serving.Producer) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	return serving.Done, made.CommitTransaction(ctx)
}

func (d *driver) abort(fields serving.Producer) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	return serving.Done, made.AbortTransaction(ctx)
}

func (d *driver) sendOffsets(fields serving.SendOffsets) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	metadata, err := kafka.NewTestConsumerGroupMetadata(fields.Group) // a group's without a member
	if fields.Consumer != nil {
		reader, gone := d.consumers.Get(*fields.Consumer)
		if gone != nil {
			return nil, gone
		}
		metadata, err = reader.GetConsumerGroupMetadata()
	}
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	return serving.Done, made.SendOffsetsToTransaction(ctx, offsetsOf(fields.Offsets), metadata)
}

func (d *driver) closeProducer(fields serving.Producer) (any, error) {
	made, err := d.producers.Take(fields.Producer)
	if err != nil {
		return nil, err
	}
	made.Flush(int(stepTimeout.Milliseconds()))
	made.Close()
	return serving.Done, nil
}
