// The driver of sarama: AsyncProducer, Consumer, ConsumerGroup and ClusterAdmin, and requests to a Broker where those
// keep a part of the answer to themselves.
package main

import (
	"errors"
	"io"
	"log"
	"os"
	"strings"

	"github.com/IBM/sarama"

	"compat/serving"
)

// driver is what lives from "start" to the end of the process.
type driver struct {
	addresses []string
	client    sarama.Client // for what belongs to no producer or consumer
	admin     sarama.ClusterAdmin
	producers *serving.Handles[*producer]
	consumers *serving.Handles[*consumer]
}

const noShareGroups = "sarama has no share groups"

var lacks = map[string]string{
	"":                    "sarama is a client: it has no such thing",
	"open_share_consumer": noShareGroups,
	"acknowledge":         noShareGroups,
	"commit_share":        noShareGroups,
	"list_transactions":   "sarama's ClusterAdmin lists no transactions in this version",
}

func main() {
	sarama.Logger = log.New(os.Stderr, "", log.Ltime|log.Lmicroseconds)
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
	config := newConfig()
	config.Metadata.AllowAutoTopicCreation = false
	client, err := sarama.NewClient(d.addresses, config)
	if err != nil {
		return nil, err
	}
	d.client = client
	d.admin, err = sarama.NewClusterAdminFromClient(client)
	return serving.Started("sarama", "github.com/IBM/sarama"), err
}

// newConfig has sarama speak what the newest Kafka that it knows speaks: it goes by this and not by what the broker says.
func newConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.ClientID = "sarama-driver"
	return config
}

func explain(err error) *serving.Failure {
	text := err.Error()
	var code sarama.KError
	if errors.As(err, &code) {
		return &serving.Failure{Code: serving.Some(int16(code)), Text: text}
	}
	var configuration sarama.ConfigurationError
	switch {
	case errors.As(err, &configuration):
		return serving.NamedFailure("ConfigurationError", text)
	case errors.Is(err, sarama.ErrOutOfBrokers):
		return serving.NamedFailure("ErrOutOfBrokers", text)
	case errors.Is(err, sarama.ErrShuttingDown):
		return serving.NamedFailure("ErrShuttingDown", text)
	case errors.Is(err, io.EOF):
		return serving.NamedFailure("EOF", text)
	}
	return &serving.Failure{Text: text}
}

// failed is nil for "no error", which sarama has a value for.
func failed(code sarama.KError) error {
	if code == sarama.ErrNoError {
		return nil
	}
	return code
}
