// What applications do with franz-go's transactions; each case prints one line, `case: what came of it`.
//
//	transactions BOOTSTRAP
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	ctx       = context.Background()
	bootstrap string
	made      int
)

func main() {
	bootstrap = os.Args[1]
	commitAndAbort()
	large()
	fencing()
	timeout()
	consumeTransformProduce()
}

func commitAndAbort() {
	topic := newTopic(3)
	producer := client(kgo.TransactionalID(topic))
	defer producer.Close()
	check(producer.BeginTransaction())
	send(producer, topic, 6, 3, "a")
	fmt.Println("open:", counts(topic))
	check(producer.EndTransaction(ctx, kgo.TryCommit))
	fmt.Println("committed:", countsOnceEnded(topic))
	check(producer.BeginTransaction())
	send(producer, topic, 9, 3, "b")
	check(producer.EndTransaction(ctx, kgo.TryAbort))
	fmt.Println("aborted:", countsOnceEnded(topic))
	for n := 0; n < 50; n++ {
		check(producer.BeginTransaction())
		send(producer, topic, 3, 3, "c")
		check(producer.EndTransaction(ctx, kgo.TransactionEndTry(n%2 == 0)))
	}
	fmt.Println("fifty in a row:", countsOnceEnded(topic))
}

func large() {
	topic := newTopic(20)
	producer := client(kgo.TransactionalID(topic))
	defer producer.Close()
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		check(producer.BeginTransaction())
		send(producer, topic, 20_000, 20, "a value of some length, as applications have them")
		check(producer.EndTransaction(ctx, commit))
	}
	fmt.Println("large:", countsOnceEnded(topic))
}

func fencing() {
	topic := newTopic(1)
	zombie := client(kgo.TransactionalID(topic))
	defer zombie.Close()
	check(zombie.BeginTransaction())
	send(zombie, topic, 2, 1, "zombie")
	heir := client(kgo.TransactionalID(topic))
	defer heir.Close()
	check(heir.BeginTransaction())
	send(heir, topic, 3, 1, "heir")
	check(heir.EndTransaction(ctx, kgo.TryCommit))
	fmt.Println("fenced, committing:", nameOf(zombie.EndTransaction(ctx, kgo.TryCommit)))
	fmt.Println("fenced:", countsOnceEnded(topic))
}

func timeout() {
	topic := newTopic(1)
	slow := client(kgo.TransactionalID(topic), kgo.TransactionTimeout(500*time.Millisecond))
	defer slow.Close()
	check(slow.BeginTransaction())
	send(slow, topic, 2, 1, "slow")
	for end(topic, kgo.ReadCommitted()) < 3 {
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Println("timed out, committing:", nameOf(slow.EndTransaction(ctx, kgo.TryCommit)))
	fmt.Println("timed out:", countsOnceEnded(topic))
}

func consumeTransformProduce() {
	input, output := newTopic(3), newTopic(3)
	filler := client()
	send(filler, input, 300, 3, "in")
	filler.Close()
	done := 0
	for rounds := 1; done < 300; rounds++ {
		session, err := kgo.NewGroupTransactSession(
			kgo.SeedBrokers(bootstrap), kgo.TransactionalID(output), kgo.ConsumerGroup(output), kgo.ConsumeTopics(input),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		check(err)
		fetched := session.PollRecords(ctx, 40)
		check(fetched.Err())
		check(session.Begin())
		var produced []*kgo.Record
		fetched.EachRecord(func(each *kgo.Record) {
			produced = append(produced, &kgo.Record{Topic: output, Partition: each.Partition, Value: each.Value})
		})
		check(session.ProduceSync(ctx, produced...).FirstErr())
		// Every other round is given up: its records are read again by the next.
		committed, err := session.End(ctx, kgo.TransactionEndTry(rounds%2 == 1))
		check(err)
		if committed {
			done += len(produced)
		}
		session.Close()
	}
	offsets, err := admin().FetchOffsets(ctx, output)
	check(err)
	sum := int64(0)
	offsets.Each(func(each kadm.OffsetResponse) { sum += each.At })
	fmt.Println("transformed:", done, "in,", countsOnceEnded(output)[:len("300")], "out, offsets", sum)
}

func client(options ...kgo.Opt) *kgo.Client {
	given := append([]kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)
	made, err := kgo.NewClient(given...)
	check(err)
	return made
}

func admin() *kadm.Client { return kadm.NewClient(client()) }

func newTopic(partitions int32) string {
	made++
	name := fmt.Sprintf("franz-go-%d-%d", os.Getpid(), made)
	_, err := admin().CreateTopic(ctx, partitions, 1, nil, name)
	check(err)
	return name
}

func send(producer *kgo.Client, topic string, count, partitions int, value string) {
	records := make([]*kgo.Record, count)
	for n := range records {
		records[n] = &kgo.Record{Topic: topic, Partition: int32(n % partitions), Value: []byte(value)}
	}
	check(producer.ProduceSync(ctx, records...).FirstErr())
}

// How many records consumers of both kinds read now.
func counts(topic string) string {
	return fmt.Sprintf("%d committed, %d in all", count(topic, kgo.ReadCommitted()), count(topic, kgo.ReadUncommitted()))
}

// As counts, once every marker has been written: a commit is answered before.
func countsOnceEnded(topic string) string {
	for end(topic, kgo.ReadCommitted()) < end(topic, kgo.ReadUncommitted()) {
		time.Sleep(20 * time.Millisecond)
	}
	return counts(topic)
}

func ends(topic string, level kgo.IsolationLevel) kadm.ListedOffsets {
	list := admin().ListEndOffsets
	if level == kgo.ReadCommitted() {
		list = admin().ListCommittedOffsets
	}
	found, err := list(ctx, topic)
	check(err)
	return found
}

// The sum over the partitions.
func end(topic string, level kgo.IsolationLevel) (sum int64) {
	ends(topic, level).Each(func(each kadm.ListedOffset) { sum += each.Offset })
	return
}

func count(topic string, level kgo.IsolationLevel) int {
	found, from, last := 0, map[int32]kgo.Offset{}, map[int32]int64{}
	ends(topic, level).Each(func(each kadm.ListedOffset) {
		if each.Offset > 0 {
			from[each.Partition], last[each.Partition] = kgo.NewOffset().At(0), each.Offset
		}
	})
	reader := client(kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	defer reader.Close()
	for len(last) > 0 {
		fetched := reader.PollFetches(ctx)
		check(fetched.Err())
		fetched.EachRecord(func(each *kgo.Record) {
			if !each.Attrs.IsControl() {
				found++
			}
			if each.Offset >= last[each.Partition]-1 {
				delete(last, each.Partition)
			}
		})
	}
	return found
}

func nameOf(err error) string {
	var told *kerr.Error
	if errors.As(err, &told) {
		return told.Message
	}
	if err != nil {
		return err.Error()
	}
	return "none"
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		panic(err)
	}
}
