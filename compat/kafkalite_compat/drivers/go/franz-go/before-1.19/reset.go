package main

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"compat/serving"
)

func resetOptions(reset string, group bool) ([]kgo.Opt, error) {
	switch reset {
	case "earliest":
		return []kgo.Opt{kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}, nil
	case "latest":
		return []kgo.Opt{kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd())}, nil
	case "none":
		if group {
			return nil, serving.Unsupported("before 1.19 kgo always starts somewhere: a group cannot fail for want of an offset")
		}
		return []kgo.Opt{kgo.ConsumeResetOffset(kgo.NoResetOffset())}, nil
	}
	return nil, serving.Unsupported("the library does not know reset " + reset)
}
