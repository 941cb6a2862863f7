// The driver of franz-go (package kgo), with its own admin client (kadm) and, where that has no call for a step, the
// protocol messages that it comes with (kmsg).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"compat/serving"
)

const stepTimeout = 45 * time.Second

// driver is what lives from "start" to the end of the process.
type driver struct {
	seeds     []string
	client    *kgo.Client // for what belongs to no producer or consumer
	admin     *kadm.Client
	producers *serving.Handles[*producer]
	consumers *serving.Handles[*consumer]
}

func main() {
	d := &driver{
		producers: serving.NewHandles[*producer]("producer"),
		consumers: serving.NewHandles[*consumer]("consumer"),
	}
	ops := map[string]serving.Op{"start": serving.Step(serving.Start{}, d.start)}
	for _, some := range []map[string]serving.Op{d.producerOps(), d.consumerOps(), d.adminOps(), d.groupOps(), d.shareOps()} {
		for name, op := range some {
			ops[name] = op
		}
	}
	serving.Serve(serving.Driver{Ops: ops, Lacks: lacks, Explain: explain})
}

func (d *driver) start(fields serving.Start) (any, error) {
	d.seeds = strings.Split(fields.Bootstrap, ",")
	client, err := kgo.NewClient(d.options()...)
	if err != nil {
		return nil, err
	}
	d.client, d.admin = client, kadm.NewClient(client)
	return serving.Started("franz-go", "github.com/twmb/franz-go"), nil
}

func (d *driver) options(more ...kgo.Opt) []kgo.Opt {
	return append([]kgo.Opt{
		kgo.SeedBrokers(d.seeds...),
		kgo.WithLogger(kgo.BasicLogger(os.Stderr, kgo.LogLevelInfo, nil)),
		kgo.MetadataMinAge(100 * time.Millisecond), // so that what a scenario has just changed is seen soon
	}, more...)
}

// step is the context of one step.
func step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), stepTimeout)
}

func explain(err error) *serving.Failure {
	var told *kerr.Error
	if errors.As(err, &told) {
		return serving.KafkaFailure(told.Code, told.Message, err.Error())
	}
	for name, known := range map[string]error{
		"ErrRecordTimeout": kgo.ErrRecordTimeout,
		"ErrRecordRetries": kgo.ErrRecordRetries,
		"ErrMaxBuffered":   kgo.ErrMaxBuffered,
		"ErrClientClosed":  kgo.ErrClientClosed,
		"ErrAborting":      kgo.ErrAborting,
		"DeadlineExceeded": context.DeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return serving.NamedFailure(name, err.Error())
		}
	}
	return &serving.Failure{Text: err.Error()}
}

// told adds what the broker said beside the code.
func told(err error, message string) error {
	if err == nil || message == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, message)
}
