package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"compat/serving"
)

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

var acks = map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()}

type producer struct {
	client   *kgo.Client
	timeout  time.Duration // of the delivery of a record
	acked    bool          // the broker tells offsets
	id       string
	produced bool // something was written in this transaction
	offsets  bool // offsets were sent in this transaction
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
	options, err := producerOptions(fields)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(d.options(options...)...)
	if err != nil {
		return nil, err
	}
	made := &producer{client: client, timeout: serving.Ms(fields.DeliveryTimeoutMs), acked: fields.Acks != "0"}
	if fields.TransactionalID != nil {
		made.id = *fields.TransactionalID
		ctx, done := step()
		defer done()
		if err := initTransactions(ctx, client); err != nil {
			client.Close()
			return nil, err
		}
	}
	d.producers.Open(fields.Producer, made)
	return serving.Done, nil
}

// initTransactions waits for the end of a transaction that another producer of that id has left open; before 1.20 kgo
// does not do that by itself.
func initTransactions(ctx context.Context, client *kgo.Client) error {
	for {
		_, _, err := client.ProducerID(ctx) // this is InitProducerId
		if !errors.Is(err, kerr.ConcurrentTransactions) || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func producerOptions(fields serving.OpenProducer) ([]kgo.Opt, error) {
	wanted, err := serving.OneOf("acks", fields.Acks, acks)
	if err != nil {
		return nil, err
	}
	codec, err := serving.OneOf("the codec", fields.Compression, codecs)
	if err != nil {
		return nil, err
	}
	options := []kgo.Opt{
		kgo.RequiredAcks(wanted),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(serving.Ms(fields.LingerMs)),
		kgo.RecordPartitioner(whereAsked{kgo.StickyKeyPartitioner(nil)}),
		kgo.AllowAutoTopicCreation(), // as Kafka's own producer always does
	}
	if fields.TransactionalID != nil {
		options = append(options, kgo.TransactionalID(*fields.TransactionalID),
			kgo.TransactionTimeout(serving.Ms(fields.TransactionTimeoutMs)))
	} else if !fields.Idempotence {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	// A record may be as large as a batch, and no larger: who wants large requests wants large batches.
	if largest := first(fields.BatchBytes, fields.MaxRequestBytes); largest != nil {
		options = append(options, kgo.ProducerBatchMaxBytes(int32(*largest)))
	}
	if fields.MaxRequestBytes != nil {
		// Room for the request's own header; the library wants no more than 1 GiB.
		options = append(options, kgo.BrokerMaxWriteBytes(int32(*fields.MaxRequestBytes)+1024))
	}
	if fields.Retries != nil {
		options = append(options, kgo.RecordRetries(*fields.Retries))
	}
	if fields.MaxInFlight != nil {
		options = append(options, kgo.MaxProduceRequestsInflightPerBroker(*fields.MaxInFlight))
	}
	return options, nil
}

func first(values ...*int) *int {
	for _, value := range values {
		if value != nil {
			return value
		}
	}
	return nil
}

func (d *driver) produce(fields serving.Produce) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	results := make([]serving.Written, len(fields.Records))
	// kgo.RecordDeliveryTimeout counts from the record's timestamp, which may be of any time; a context counts from now.
	ctx, done := context.WithTimeout(context.Background(), made.timeout)
	defer done()
	var underWay sync.WaitGroup
	for i, given := range fields.Records {
		underWay.Add(1)
		made.client.Produce(ctx, recordOf(fields.Topic, given), func(record *kgo.Record, err error) {
			defer underWay.Done()
			results[i] = made.written(record, err)
		})
	}
	underWay.Wait()
	made.produced = true
	return map[string]any{"results": results}, nil
}

func recordOf(topic string, given serving.Record) *kgo.Record {
	record := &kgo.Record{Topic: topic, Key: given.Key, Value: given.Value, Partition: anywhere}
	if given.Partition != nil {
		record.Partition = *given.Partition
	}
	if given.TimestampMs != nil {
		record.Timestamp = time.UnixMilli(*given.TimestampMs)
	}
	for _, header := range given.Headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: header.Name, Value: header.Value})
	}
	return record
}

func (made *producer) written(record *kgo.Record, err error) serving.Written {
	if err != nil {
		return serving.Written{Error: explain(err)}
	}
	written := serving.Written{Partition: &record.Partition}
	if made.acked {
		written.Offset = &record.Offset
	}
	return written
}

func (d *driver) begin(fields serving.Producer) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	made.produced, made.offsets = false, false
	return serving.Done, made.client.BeginTransaction()
}

func (d *driver) commit(fields serving.Producer) (any, error) {
	return d.end(fields, kgo.TryCommit)
}

func (d *driver) abort(fields serving.Producer) (any, error) {
	return d.end(fields, kgo.TryAbort)
}

func (d *driver) end(fields serving.Producer, how kgo.TransactionEndTry) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	if made.offsets && !made.produced {
		return nil, serving.Unsupported("a kgo.Client ends only a transaction that it has produced in")
	}
	ctx, done := step()
	defer done()
	if how == kgo.TryAbort {
		err = made.client.AbortBufferedRecords(ctx)
	} else {
		err = made.client.Flush(ctx)
	}
	if err != nil {
		return nil, err
	}
	return serving.Done, made.client.EndTransaction(ctx, how)
}

// sendOffsets: kgo's own way (GroupTransactSession) has consumer and producer in one client, and takes only offsets that
// this has polled; for others there are the requests themselves.
func (d *driver) sendOffsets(fields serving.SendOffsets) (any, error) {
	made, err := d.producers.Get(fields.Producer)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	id, epoch, err := made.client.ProducerID(ctx)
	if err != nil {
		return nil, err
	}
	if err := made.addOffsets(ctx, id, epoch, fields.Group); err != nil {
		return nil, err
	}
	request := kmsg.NewPtrTxnOffsetCommitRequest()
	request.TransactionalID, request.Group, request.ProducerID, request.ProducerEpoch = made.id, fields.Group, id, epoch
	if fields.Consumer != nil {
		reader, err := d.consumers.Get(*fields.Consumer)
		if err != nil {
			return nil, err
		}
		if reader.client != nil {
			request.MemberID, request.Generation = reader.client.GroupMetadata()
			request.InstanceID = reader.fields.InstanceID
		}
	}
	request.Topics = txnTopics(fields.Offsets)
	response, err := request.RequestWith(ctx, made.client)
	if err != nil {
		return nil, err
	}
	for _, topic := range response.Topics {
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return nil, err
			}
		}
	}
	made.offsets = true
	return serving.Done, nil
}

func (made *producer) addOffsets(ctx context.Context, id int64, epoch int16, group string) error {
	request := kmsg.NewPtrAddOffsetsToTxnRequest()
	request.TransactionalID, request.ProducerID, request.ProducerEpoch, request.Group = made.id, id, epoch, group
	for {
		response, err := request.RequestWith(ctx, made.client)
		if err != nil {
			return err
		}
		err = kerr.ErrorForCode(response.ErrorCode)
		if err != kerr.ConcurrentTransactions || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond) // the end of the transaction before is still being written
	}
}

func txnTopics(offsets []serving.CommittedOffset) []kmsg.TxnOffsetCommitRequestTopic {
	var topics []kmsg.TxnOffsetCommitRequestTopic
	for _, offset := range offsets {
		partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset, partition.Metadata = offset.Partition, *offset.Offset, offset.Metadata
		topic := kmsg.NewTxnOffsetCommitRequestTopic()
		topic.Topic = offset.Topic
		topic.Partitions = append(topic.Partitions, partition)
		topics = append(topics, topic)
	}
	return topics
}

func (d *driver) closeProducer(fields serving.Producer) (any, error) {
	made, err := d.producers.Take(fields.Producer)
	if err != nil {
		return nil, err
	}
	ctx, done := step()
	defer done()
	err = made.client.Flush(ctx)
	made.client.Close()
	return serving.Done, err
}

// anywhere is the partition of a record whose partition is left to the library.
const anywhere = -1

// whereAsked puts a record into the partition that it names, and leaves the others to the partitioner inside.
type whereAsked struct{ others kgo.Partitioner }

func (asked whereAsked) ForTopic(topic string) kgo.TopicPartitioner {
	return &whereAskedInTopic{asked.others.ForTopic(topic)}
}

type whereAskedInTopic struct{ others kgo.TopicPartitioner }

func (asked *whereAskedInTopic) RequiresConsistency(record *kgo.Record) bool {
	return record.Partition != anywhere || asked.others.RequiresConsistency(record)
}

func (asked *whereAskedInTopic) Partition(record *kgo.Record, partitions int) int {
	if record.Partition != anywhere {
		return int(record.Partition)
	}
	return asked.others.Partition(record, partitions)
}

func (asked *whereAskedInTopic) OnNewBatch() {
	if others, ok := asked.others.(kgo.TopicPartitionerOnNewBatch); ok {
		others.OnNewBatch()
	}
}
