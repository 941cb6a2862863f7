package main

import (
	"github.com/IBM/sarama"

	"compat/serving"
)

func strategies() map[string]sarama.BalanceStrategy {
	return map[string]sarama.BalanceStrategy{
		"range": sarama.NewBalanceStrategyRange(), "roundrobin": sarama.NewBalanceStrategyRoundRobin(),
		"sticky": sarama.NewBalanceStrategySticky(),
	}
}

func setFetchMaxBytes(*sarama.Config, int) bool { return false }

func (d *driver) newerOps() map[string]serving.Op { return nil }

// addOffsetsAsMember: in these versions nothing tells the broker which member commits.
func addOffsetsAsMember(made *producer, offsets map[string][]*sarama.PartitionOffsetMetadata, group string, _ *consumer) error {
	return made.AddOffsetsToTxn(offsets, group)
}
