package main

import (
	"context"
	"errors"
	"log"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"compat/serving"
)

// partitions are being read, by a Reader each.
type partitions struct {
	config  kafka.ReaderConfig // but for topic and partition
	reset   string
	queue   *serving.Queue[kafka.Message]
	readers map[place]*partitionReader
}

type partitionReader struct {
	*kafka.Reader
	stop  context.CancelFunc
	ended sync.WaitGroup
}

func newPartitions(config kafka.ReaderConfig, reset string, queue *serving.Queue[kafka.Message]) *partitions {
	return &partitions{config: config, reset: reset, queue: queue, readers: map[place]*partitionReader{}}
}

// start begins to read a partition. offset may be kafka.FirstOffset or kafka.LastOffset.
func (p *partitions) start(where place, offset int64) error {
	config := p.config
	config.Topic, config.Partition = where.Topic, int(where.Partition)
	config.OffsetOutOfRangeError = true // it would try for ever
	ctx, stop := context.WithCancel(context.Background())
	reader := &partitionReader{Reader: kafka.NewReader(config), stop: stop}
	if err := reader.SetOffset(offset); err != nil {
		stop()
		return err
	}
	p.readers[where] = reader
	reader.ended.Add(1)
	go p.read(ctx, where, reader)
	return nil
}

func (p *partitions) read(ctx context.Context, where place, reader *partitionReader) {
	defer reader.ended.Done()
	for {
		message, err := reader.FetchMessage(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			p.queue.Put(message)
		case errors.Is(err, kafka.OffsetOutOfRange) && p.reset != "none":
			if err := reader.SetOffset(places[p.reset]); err != nil {
				p.queue.Fail(err)
				return
			}
		default: // what is not Kafka's word is a connection that is gone just now
			log.Println("reading", where, err)
			if errors.As(err, new(kafka.Error)) {
				p.queue.Fail(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func (p *partitions) close(where place) error {
	reader := p.readers[where]
	if reader == nil {
		return nil
	}
	delete(p.readers, where)
	reader.stop()
	reader.ended.Wait()
	p.queue.Drop(where)
	return reader.Close()
}

func (p *partitions) closeAll() error {
	var failure error
	for where := range p.readers {
		failure = errors.Join(failure, p.close(where))
	}
	return failure
}

func (p *partitions) seek(where place, offset int64) error {
	if p.readers[where] == nil {
		return serving.NamedFailure("BadStep", "the partition is not assigned")
	}
	if err := p.close(where); err != nil {
		return err
	}
	return p.start(where, offset)
}

func (p *partitions) list() []place {
	var listed []place
	for where := range p.readers {
		listed = append(listed, where)
	}
	return serving.List(listed)
}
