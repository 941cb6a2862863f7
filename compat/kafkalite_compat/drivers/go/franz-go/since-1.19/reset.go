package main

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"compat/serving"
)

// resetOptions: kgo tells where a partition starts from where it goes on when its offset is gone.
func resetOptions(reset string, group bool) ([]kgo.Opt, error) {
	switch reset {
	case "earliest":
		return []kgo.Opt{kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}, nil
	case "latest":
		return []kgo.Opt{kgo.ConsumeStartOffset(kgo.NewOffset().AtEnd()), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd())}, nil
	case "none":
		options := []kgo.Opt{kgo.ConsumeResetOffset(kgo.NoResetOffset())}
		if group {
			options = append(options, kgo.ConsumeStartOffset(kgo.NewOffset().AtCommitted()))
		}
		return options, nil
	}
	return nil, serving.Unsupported("the library does not know reset " + reset)
}
