package main

import (
	"errors"
	"sync"

	"github.com/IBM/sarama"

	"compat/serving"
)

// direct reads partitions that it was assigned.
type direct struct {
	consumer *consumer
	reader   sarama.Consumer
	open     map[place]*openPartition
}

// openPartition is a partition that is being read; ended is done when it is no more.
type openPartition struct {
	sarama.PartitionConsumer
	ended sync.WaitGroup
}

func (d *driver) assign(fields serving.Assign) (any, error) {
	c, err := d.consumers.Get(fields.Consumer)
	if err != nil {
		return nil, err
	}
	if c.fields.Group != nil && c.fields.AutoCommit {
		return nil, serving.Unsupported("sarama commits for members of a group only, not for partitions that are assigned")
	}
	if c.reading != nil {
		if err := c.reading.close(); err != nil {
			return nil, err
		}
	}
	reader, err := sarama.NewConsumer(d.addresses, c.config)
	if err != nil {
		return nil, err
	}
	made := &direct{consumer: c, reader: reader, open: map[place]*openPartition{}}
	c.reading = made
	clear(c.next)
	for _, one := range fields.Partitions {
		if err := made.start(place{Topic: one.Topic, Partition: one.Partition}, one.Offset); err != nil {
			return nil, err
		}
	}
	return serving.Done, nil
}

// start begins to read a partition, at the place that reset says if there is nothing at the one that is asked for.
func (r *direct) start(where place, at serving.At) error {
	if at.Word == "committed" {
		found, err := r.consumer.driver.committedAt(*r.consumer.fields.Group, []place{where})
		if err != nil {
			return err
		}
		at = serving.At{Word: r.consumer.fields.Reset}
		if found[0].Offset != nil {
			at = serving.At{Number: *found[0].Offset}
		}
	}
	if at.Word == "none" {
		return serving.NamedFailure("NoOffset", "nothing is committed, and reset is none")
	}
	offset, err := r.consumer.offsetOf(where, at)
	if err != nil {
		return err
	}
	opened, err := r.reader.ConsumePartition(where.Topic, where.Partition, offset)
	if errors.Is(err, sarama.ErrOffsetOutOfRange) {
		r.outOfRange(where, err)
		return nil
	}
	if err != nil {
		return err
	}
	r.consumer.next[where] = offset
	r.follow(where, opened)
	return nil
}

// outOfRange is what sarama leaves to its user: to begin elsewhere, or to fail.
func (r *direct) outOfRange(where place, err error) {
	if r.consumer.fields.Reset != "none" {
		err = r.start(where, serving.At{Word: r.consumer.fields.Reset})
	}
	if err != nil {
		r.consumer.queue.Fail(err)
	}
}

func (r *direct) follow(where place, opened sarama.PartitionConsumer) {
	one := &openPartition{PartitionConsumer: opened}
	r.open[where] = one
	one.ended.Add(2)
	go func() {
		defer one.ended.Done()
		for message := range opened.Messages() {
			r.consumer.queue.Put(message)
		}
	}()
	go func() {
		defer one.ended.Done()
		for failure := range opened.Errors() {
			sarama.Logger.Println("reading", where, failure)
			if errors.Is(failure.Err, sarama.ErrOffsetOutOfRange) {
				r.consumer.queue.Fail(failure.Err)
			}
		}
	}()
}

func (r *direct) stop(where place) error {
	opened := r.open[where]
	if opened == nil {
		return nil
	}
	delete(r.open, where)
	opened.AsyncClose()
	opened.ended.Wait()
	r.consumer.queue.Drop(where)
	return nil
}

func (r *direct) seek(where place, to serving.At) error {
	if err := r.stop(where); err != nil {
		return err
	}
	return r.start(where, to)
}

func (r *direct) pause(partitions map[string][]int32, paused bool) {
	if paused {
		r.reader.Pause(partitions)
	} else {
		r.reader.Resume(partitions)
	}
}

func (r *direct) assignment() map[string]any {
	var partitions []place
	for where := range r.open {
		partitions = append(partitions, where)
	}
	return map[string]any{"partitions": serving.List(partitions), "member_id": nil, "generation": nil}
}

func (r *direct) close() error {
	for where := range r.open {
		if err := r.stop(where); err != nil {
			return err
		}
	}
	return r.reader.Close()
}
