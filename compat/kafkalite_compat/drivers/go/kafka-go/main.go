// The driver of segmentio/kafka-go: its Writer and Reader, its ConsumerGroup, and the requests of its Client.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"compat/serving"
)

const (
	stepTimeout = 45 * time.Second
	// How old what the transport knows may be; it is also how long asking for it may take.
	metadataAge = 2 * time.Second
)

// driver is what lives from "start" to the end of the process.
type driver struct {
	addresses []string
	transport *kafka.Transport
	client    *kafka.Client
	producers *serving.Handles[*producer]
	consumers *serving.Handles[*consumer]
}

const (
	noTransactions = "kafka-go's Writer writes neither idempotently nor in transactions"
	noShareGroups  = "kafka-go has no share groups"
)

var lacks = map[string]string{
	"":                    "kafka-go is a client: it has no such thing",
	"begin":               noTransactions,
	"commit":              noTransactions,
	"abort":               noTransactions,
	"send_offsets":        noTransactions,
	"pause":               "kafka-go's readers cannot be paused",
	"resume":              "kafka-go's readers cannot be paused",
	"delete_records":      "kafka-go's Client has no DeleteRecords",
	"describe_log_dirs":   "kafka-go's Client has no DescribeLogDirs",
	"list_transactions":   "kafka-go's Client has no ListTransactions",
	"describe_acls":       "kafka-go's Client has no DescribeACLs in this version",
	"delete_acls":         "kafka-go's Client has no DeleteACLs in this version",
	"open_share_consumer": noShareGroups,
	"acknowledge":         noShareGroups,
	"commit_share":        noShareGroups,
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
	d.addresses = strings.Split(fields.Bootstrap, ",")
	d.transport = &kafka.Transport{MetadataTTL: metadataAge, ClientID: "kafka-go-driver"}
	d.client = &kafka.Client{Addr: kafka.TCP(d.addresses...), Transport: d.transport, Timeout: stepTimeout}
	return serving.Started("kafka-go", "github.com/segmentio/kafka-go"), nil
}

// step is the context of one step.
func step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), stepTimeout)
}

// logged is where the library says what it does not answer.
func logged() kafka.Logger { return log.New(os.Stderr, "", log.Ltime|log.Lmicroseconds) }

func explain(err error) *serving.Failure {
	var code kafka.Error
	var large kafka.MessageTooLargeError
	switch {
	case errors.As(err, &code):
		return serving.KafkaFailure(int16(code), code.Title(), err.Error())
	case errors.As(err, &large):
		return serving.NamedFailure("MessageTooLargeError", err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return serving.NamedFailure("DeadlineExceeded", err.Error())
	}
	return &serving.Failure{Text: err.Error()}
}
