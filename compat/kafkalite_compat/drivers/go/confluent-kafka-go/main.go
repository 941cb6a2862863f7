// The driver of confluent-kafka-go: librdkafka, which comes with the module, behind a Go interface.
package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"compat/serving"
)

const stepTimeout = 45 * time.Second

// driver is what lives from "start" to the end of the process.
type driver struct {
	bootstrap string
	admin     *kafka.AdminClient
	producers *serving.Handles[*producer]
	consumers *serving.Handles[*consumer]
}

const noShareGroups = "confluent-kafka-go has no share consumer"

var lacks = map[string]string{
	"":                     "confluent-kafka-go is a client: it has no such thing",
	"open_share_consumer":  noShareGroups,
	"acknowledge":          noShareGroups,
	"commit_share":         noShareGroups,
	"delete_group_offsets": "confluent-kafka-go's AdminClient has no DeleteConsumerGroupOffsets",
	"describe_log_dirs":    "confluent-kafka-go's AdminClient has no DescribeLogDirs",
	"list_transactions":    "confluent-kafka-go's AdminClient has no ListTransactions",
	"delete_records":       "confluent-kafka-go's AdminClient has no DeleteRecords in this version",
}

func main() {
	d := &driver{
		producers: serving.NewHandles[*producer]("producer"),
		consumers: serving.NewHandles[*consumer]("consumer"),
	}
	ops := map[string]serving.Op{"start": serving.Step(serving.Start{}, d.start)}
	for _, some := range []map[string]serving.Op{d.producerOps(), d.consumerOps(), d.adminOps(), d.groupOps(), d.newerOps()} {
		for name, op := range some {
			ops[name] = op
		}
	}
	serving.Serve(serving.Driver{Ops: ops, Lacks: lacks, Explain: explain})
}

func (d *driver) start(fields serving.Start) (any, error) {
	d.bootstrap = fields.Bootstrap
	admin, err := kafka.NewAdminClient(d.config())
	if err != nil {
		return nil, err
	}
	d.admin = admin
	started := serving.Started("confluent-kafka-go", "github.com/confluentinc/confluent-kafka-go/v2")
	_, librdkafka := kafka.LibraryVersion()
	started["runtime"] += " with librdkafka " + librdkafka
	return started, nil
}

func (d *driver) config() *kafka.ConfigMap {
	return &kafka.ConfigMap{
		"bootstrap.servers": d.bootstrap, "client.id": "confluent-kafka-go-driver",
		"topic.metadata.refresh.interval.ms": 2000, // so that a pattern finds new topics soon
	}
}

// set adds a property to a configuration; one that this librdkafka does not know is not supported.
func set(config *kafka.ConfigMap, key string, value any) error {
	return config.SetKey(key, fmt.Sprint(value))
}

// unknownProperty tells what the library cannot do from what went wrong.
func unknownProperty(err error) error {
	if err != nil && strings.Contains(err.Error(), "No such configuration property") {
		return serving.Unsupported("librdkafka in this version: " + err.Error())
	}
	return err
}

// step is the context of one step.
func step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), stepTimeout)
}

// explain: codes below -1 are librdkafka's own.
func explain(err error) *serving.Failure {
	var told kafka.Error
	switch {
	case !errors.As(err, &told):
		return &serving.Failure{Text: err.Error()}
	case told.Code() == kafka.ErrAutoOffsetReset && strings.Contains(told.Error(), kafka.ErrOffsetOutOfRange.String()):
		// librdkafka's own code for that it may not reset, with Kafka's reason in the text.
		return serving.KafkaFailure(int16(kafka.ErrOffsetOutOfRange), told.Code().String(), err.Error())
	case told.Code() >= kafka.ErrUnknown:
		return serving.KafkaFailure(int16(told.Code()), told.Code().String(), err.Error())
	}
	return serving.NamedFailure(told.Code().String(), err.Error())
}

// failed is nil for "no error", which the library has a value for.
func failed(err kafka.Error) error {
	if err.Code() == kafka.ErrNoError {
		return nil
	}
	return err
}
