package main

import (
	"github.com/IBM/sarama"

	"compat/serving"
)

func strategies() map[string]sarama.BalanceStrategy {
	return map[string]sarama.BalanceStrategy{
		"range": sarama.NewBalanceStrategyRange(), "roundrobin": sarama.NewBalanceStrategyRoundRobin(),
		"sticky": sarama.NewBalanceStrategySticky(), "cooperative-sticky": sarama.NewBalanceStrategyCooperativeSticky(),
	}
}

func setFetchMaxBytes(config *sarama.Config, bytes int) bool {
	config.Consumer.Fetch.MaxBytes = int32(bytes)
	return true
}

func (d *driver) newerOps() map[string]serving.Op {
	return map[string]serving.Op{"list_transactions": serving.Step(serving.Nothing{}, d.listTransactions)}
}

func (d *driver) listTransactions(serving.Nothing) (any, error) {
	admin, ok := d.admin.(sarama.TransactionClusterAdmin)
	if !ok {
		return nil, serving.Unsupported(lacks["list_transactions"])
	}
	listed, err := admin.ListTransactions(nil, nil, -1)
	transactions := []map[string]any{}
	for _, one := range listed {
		transactions = append(transactions, map[string]any{"transactional_id": one.TransactionalID, "state": one.TransactionState})
	}
	return map[string]any{"transactions": transactions}, err
}

// addOffsetsAsMember tells the broker who commits, so that a member that is no more is refused.
func addOffsetsAsMember(made *producer, offsets map[string][]*sarama.PartitionOffsetMetadata, group string, reader *consumer) error {
	metadata := &sarama.ConsumerGroupMetadata{GroupID: group, GenerationID: sarama.GroupGenerationUndefined}
	if member, ok := reader.reading.(*member); ok {
		member.mutex.Lock()
		if member.session != nil {
			metadata.GenerationID, metadata.MemberID = member.session.GenerationID(), member.session.MemberID()
		}
		member.mutex.Unlock()
		metadata.GroupInstanceID = reader.fields.InstanceID
	}
	return made.AddOffsetsToTxnWithGroupMetadata(offsets, metadata)
}
