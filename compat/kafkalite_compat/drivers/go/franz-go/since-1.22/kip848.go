package main

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"compat/serving"
)

var serverSideAssignors = map[string]kgo.GroupBalancer{
	"uniform": kgo.StickyBalancer(), // what kgo asks the coordinator's "uniform" by
	"range":   kgo.RangeBalancer(),
}

func serverSideBalancer(assignor *string) ([]kgo.Opt, error) {
	name := "uniform"
	if assignor != nil {
		name = *assignor
	}
	balancer, err := serving.OneOf("the assignor", name, serverSideAssignors)
	return []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(balancer)}, err
}
