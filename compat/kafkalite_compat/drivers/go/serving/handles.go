package serving

import "fmt"

// Handles are the things that the suite has named: producers, consumers.
type Handles[T any] struct {
	kind   string
	opened map[string]T
}

// NewHandles makes an empty set; kind is for what is said of a name that is not in it.
func NewHandles[T any](kind string) *Handles[T] {
	return &Handles[T]{kind: kind, opened: map[string]T{}}
}

func (handles *Handles[T]) Open(name string, value T) { handles.opened[name] = value }

func (handles *Handles[T]) Get(name string) (T, error) {
	value, there := handles.opened[name]
	if !there {
		return value, NamedFailure("BadStep", fmt.Sprintf("no %s is called %q", handles.kind, name))
	}
	return value, nil
}

// Take gives it up: the suite has closed it.
func (handles *Handles[T]) Take(name string) (T, error) {
	value, err := handles.Get(name)
	delete(handles.opened, name)
	return value, err
}
