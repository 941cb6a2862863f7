package main

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"compat/serving"
)

const noShareGroups = "kgo has no share groups in this version"

var lacks = map[string]string{
	"":                    "franz-go is a client: it has no such thing",
	"open_share_consumer": noShareGroups,
	"acknowledge":         noShareGroups,
	"commit_share":        noShareGroups,
}

type shareConsumer struct{}

func (d *driver) shareOps() map[string]serving.Op { return nil }

func (d *driver) subscribeShare(*consumer, serving.Subscribe) error {
	return serving.Unsupported(noShareGroups)
}

func (share *shareConsumer) held(*kgo.Record, *serving.Polled) {}
