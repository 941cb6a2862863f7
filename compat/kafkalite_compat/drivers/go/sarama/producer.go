package main

import (
	"errors"
	"time"

	"github.com/IBM/sarama"

	"compat/serving"
)

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

var acks = map[string]sarama.RequiredAcks{
	"0": sarama.NoResponse, "1": sarama.WaitForLocal, "all": sarama.WaitForAll,
}

const stepTimeout = 45 * time.Second

type producer struct {
	sarama.AsyncProducer
	acked bool // the broker tells offsets
}

func (d *driver) producerOps() map[string]serving.Op {
	return map[string]serving.Op{
		"open_producer":  serving.Step(serving.ProducerDefaults, d.openProducer),
		"produce":        serving.Step(serving.Produce{}, d.produce),
		"begin":          serving.Step(serving.Producer{}, d.withProducer(func(p *producer) error { return p.BeginTxn() })),
		"commit":         serving.Step(serving.Producer{}, d.withProducer(func(p *producer) error { return p.CommitTxn() })),
		"abort":          serving.Step(serving.Producer{}, d.withProducer(func(p *producer) error { return p.AbortTxn() })),
		"send_offsets":   serving.Step(serving.SendOffsets{}, d.sendOffsets),
		"close_producer": serving.Step(serving.Producer{}, d.closeProducer),
	}
}

func (d *driver) openProducer(fields serving.OpenProducer) (any, error) {
	config, err := producerConfig(fields)
	if err != nil {
		return nil, err
	}
	made, err := d.newProducer(config)
	if err != nil {
		return nil, err
	}
	d.producers.Open(fields.Producer, &producer{made, fields.Acks != "0"})
	return serving.Done, nil
}

// newProducer waits for the end of a transaction that another producer of that id has left open; before 1.60 sarama
// does not do that by itself.
func (d *driver) newProducer(config *sarama.Config) (sarama.AsyncProducer, error) {
	for deadline := time.Now().Add(stepTimeout); ; time.Sleep(50 * time.Millisecond) {
		made, err := sarama.NewAsyncProducer(d.addresses, config)
		if !errors.Is(err, sarama.ErrConcurrentTransactions) || time.Now().After(deadline) {
			return made, err
		}
	}
}

func producerConfig(fields serving.OpenProducer) (*sarama.Config, error) {
	config := newConfig()
	var err error
	if config.Producer.RequiredAcks, err = serving.OneOf("acks", fields.Acks, acks); err != nil {
		return nil, err
	}
	if config.Producer.Compression, err = serving.OneOf("the codec", fields.Compression, codecs); err != nil {
		return nil, err
	}
	if fields.DeliveryTimeoutMs != serving.ProducerDefaults.DeliveryTimeoutMs {
		return nil, serving.Unsupported("sarama has no limit in time for the delivery of a record, only a number of retries")
	}
	config.Producer.Return.Successes, config.Producer.Return.Errors = true, true
	config.Producer.Partitioner = func(topic string) sarama.Partitioner {
		return whereAsked{sarama.NewHashPartitioner(topic)}
	}
	config.Producer.Flush.Frequency = serving.Ms(fields.LingerMs)
	if fields.BatchBytes != nil {
		config.Producer.Flush.Bytes = *fields.BatchBytes
		// Without a frequency it would wait for that many bytes for ever.
		config.Producer.Flush.Frequency = max(config.Producer.Flush.Frequency, time.Millisecond)
	}
	if fields.MaxRequestBytes != nil {
		config.Producer.MaxMessageBytes = *fields.MaxRequestBytes
	}
	config.Producer.Retry.Max = int(serving.Ms(fields.DeliveryTimeoutMs) / config.Producer.Retry.Backoff)
	if fields.Retries != nil {
		config.Producer.Retry.Max = *fields.Retries
	}
	if fields.MaxInFlight != nil {
		config.Net.MaxOpenRequests = *fields.MaxInFlight
	}
	if fields.Idempotence || fields.TransactionalID != nil {
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1 // sarama asks for it
	}
	if fields.TransactionalID != nil {
		config.Producer.Transaction.ID = *fields.TransactionalID
		config.Producer.Transaction.Timeout = serving.Ms(fields.TransactionTimeoutMs)
	}
	return config, nil
}

// produce hands all records over while it takes what came of them, as either may wait for the other.
func (d *driver) produce(fields serving.Produce) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	go func() {
		for i, given := range fields.Records {
			made.Input() <- messageOf(fields.Topic, given, i)
		}
	}()
	results := make([]serving.Written, len(fields.Records))
	for range fields.Records {
		select {
		case message := <-made.Successes():
			results[message.Metadata.(int)] = made.written(message)
		case failure := <-made.Errors():
			results[failure.Msg.Metadata.(int)] = serving.Written{Error: explain(failure.Err)}
		}
	}
	return map[string]any{"results": results}, nil
}

func messageOf(topic string, given serving.Record, index int) *sarama.ProducerMessage {
	message := &sarama.ProducerMessage{Topic: topic, Partition: anywhere, Metadata: index}
	if given.Key != nil {
		message.Key = sarama.ByteEncoder(given.Key)
	}
	if given.Value != nil {
		message.Value = sarama.ByteEncoder(given.Value)
	}
	if given.Partition != nil {
		message.Partition = *given.Partition
	}
	if given.TimestampMs != nil {
		message.Timestamp = time.UnixMilli(*given.TimestampMs)
	}
	for _, header := range given.Headers {
		message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name), Value: header.Value})
	}
	return message
}

func (made *producer) written(message *sarama.ProducerMessage) serving.Written {
	written := serving.Written{Partition: &message.Partition}
	if made.acked {
		written.Offset = &message.Offset
		if !message.Timestamp.IsZero() {
			written.TimestampMs = serving.Some(message.Timestamp.UnixMilli())
		}
	}
	return written
}

func (d *driver) withProducer(do func(*producer) error) func(serving.Producer) (any, error) {
	return func(fields serving.Producer) (any, error) {
		made, err := d.producers.Get(fields.Producer)
		if err != nil {
			return nil, err
		}
		return serving.Done, do(made)
	}
}

func (d *driver) sendOffsets(fields serving.SendOffsets) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	offsets := map[string][]*sarama.PartitionOffsetMetadata{}
	for _, one := range fields.Offsets {
		offsets[one.Topic] = append(offsets[one.Topic], offsetInTransaction(one))
	}
	if fields.Consumer == nil {
		return serving.Done, made.AddOffsetsToTxn(offsets, fields.Group)
	}
	reader, err := d.consumers.Get(*fields.Consumer)
	if err != nil {
		return nil, err
	}
	return serving.Done, addOffsetsAsMember(made, offsets, fields.Group, reader)
}

func (d *driver) closeProducer(fields serving.Producer) (any, error) {
	made, err := d.producers.Take(fields.Producer)
	if err != nil {
		return nil, err
	}
	return serving.Done, made.Close()
}

// anywhere is the partition of a record whose partition is left to the library.
const anywhere = -1

// whereAsked puts a record into the partition that it names, and leaves the others to the partitioner inside.
type whereAsked struct{ sarama.Partitioner }

func (others whereAsked) Partition(message *sarama.ProducerMessage, partitions int32) (int32, error) {
	if message.Partition != anywhere {
		return message.Partition, nil
	}
	return others.Partitioner.Partition(message, partitions)
}

// MessageRequiresConsistency: the numbers of partitions are those of all, not of those that can be written to just now.
func (others whereAsked) MessageRequiresConsistency(message *sarama.ProducerMessage) bool {
	return message.Partition != anywhere || message.Key != nil
}
