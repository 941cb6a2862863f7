package main

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"compat/serving"
)

func serverSideBalancer(*string) ([]kgo.Opt, error) {
	return nil, serving.Unsupported("kgo has no option for the consumer group protocol of KIP-848 before 1.22")
}
