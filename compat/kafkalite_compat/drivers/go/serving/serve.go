// Package serving is what the Go drivers have in common: the line protocol of DRIVERS.md, its fields, and its three answers.
package serving

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// An Op carries out one step; what it returns becomes the "ok" of the answer.
type Op func(line []byte) (any, error)

// Step makes an Op of a function that takes the step's fields. defaults is a value with the table's defaults in it:
// a field that is left out or null keeps them. A field that F does not know is answered with "unsupported".
func Step[F any](defaults F, do func(F) (any, error)) Op {
	return func(line []byte) (any, error) {
		step := struct {
			ID json.RawMessage `json:"id"`
			Op string          `json:"op"`
		}{}
		fields := defaults
		if err := json.Unmarshal(line, &step); err != nil {
			return nil, err
		}
		if err := decode(line, &fields); err != nil {
			return nil, err
		}
		return do(fields)
	}
}

// Unsupported is the answer that the library cannot do a step or does not know an option.
type Unsupported string

func (why Unsupported) Error() string { return string(why) }

// Failure is a step that was tried and failed.
type Failure struct {
	Code *int16  `json:"code"`
	Name *string `json:"name"`
	Text string  `json:"text"`
}

func (failure *Failure) Error() string { return failure.Text }

// KafkaFailure is a failure whose error code the client told.
func KafkaFailure(code int16, name, text string) *Failure {
	return &Failure{Code: &code, Name: &name, Text: text}
}

// NamedFailure is a failure that the client has a name for, but no code of Kafka's.
func NamedFailure(name, text string) *Failure {
	return &Failure{Name: &name, Text: text}
}

// Done is the answer of steps that have nothing to tell.
var Done = struct{}{}

// Driver is what a client's driver consists of.
type Driver struct {
	// Ops by name.
	Ops map[string]Op
	// Lacks says for the ops that are not in Ops what the library has not; "" is for those not named.
	Lacks map[string]string
	// Explain tells of an error of the library what it knows: its code, its name.
	Explain func(error) *Failure
}

// Serve answers the steps on stdin one after another, and leaves as soon as stdin ends. What the library prints to
// stdout goes to stderr.
func Serve(driver Driver) {
	answers := os.Stdout
	os.Stdout = os.Stderr
	lines := make(chan []byte)
	go read(lines)
	for line := range lines {
		answer, err := json.Marshal(driver.answer(line))
		if err != nil {
			fmt.Fprintln(os.Stderr, "cannot tell the answer:", err)
			os.Exit(1)
		}
		if _, err := answers.Write(append(answer, '\n')); err != nil {
			os.Exit(1)
		}
	}
}

// read ends the process by itself at the end of stdin, as a step may be under way.
func read(lines chan<- []byte) {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			os.Exit(0)
		}
		lines <- line
	}
}

type answer struct {
	ID          json.RawMessage `json:"id"`
	OK          any             `json:"ok,omitempty"`
	Error       *Failure        `json:"error,omitempty"`
	Unsupported string          `json:"unsupported,omitempty"`
}

func (driver Driver) answer(line []byte) answer {
	var step struct {
		ID json.RawMessage `json:"id"`
		Op string          `json:"op"`
	}
	if err := json.Unmarshal(line, &step); err != nil {
		return answer{ID: json.RawMessage("null"), Error: NamedFailure("BadStep", err.Error())}
	}
	ok, err := driver.run(step.Op, line)
	var lacks Unsupported
	switch {
	case err == nil:
		return answer{ID: step.ID, OK: ok}
	case errors.As(err, &lacks):
		return answer{ID: step.ID, Unsupported: string(lacks)}
	default:
		return answer{ID: step.ID, Error: driver.failure(err)}
	}
}

func (driver Driver) run(name string, line []byte) (any, error) {
	op, there := driver.Ops[name]
	if !there {
		why, said := driver.Lacks[name]
		if !said {
			why = driver.Lacks[""]
		}
		return nil, Unsupported(why)
	}
	return op(line)
}

// failure is how an error is told: as it is, if the driver made it, else as the driver explains the library's errors.
func (driver Driver) failure(err error) *Failure {
	var made *Failure
	if errors.As(err, &made) {
		return made
	}
	return driver.Explain(err)
}

// decode reads the fields of a step, without "id" and "op".
func decode(line []byte, fields any) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(line, &all); err != nil {
		return err
	}
	delete(all, "id")
	delete(all, "op")
	for name, value := range all {
		if bytes.Equal(value, []byte("null")) {
			delete(all, name)
		}
	}
	rest, err := json.Marshal(all)
	if err != nil {
		return err
	}
	strict := json.NewDecoder(bytes.NewReader(rest))
	strict.DisallowUnknownFields()
	err = strict.Decode(fields)
	if err != nil && strings.HasPrefix(err.Error(), "json: unknown field ") {
		name := strings.TrimPrefix(err.Error(), "json: unknown field ")
		return Unsupported("the library has no option for " + name)
	}
	if err != nil && err != io.EOF {
		return NamedFailure("BadStep", err.Error())
	}
	return nil
}

// Started is the answer to "start": the client and, by the build's own record, the version of its module.
func Started(client, module string) map[string]string {
	version := "unknown"
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range build.Deps {
			if dependency.Path == module {
				version = strings.TrimPrefix(dependency.Version, "v")
			}
		}
	}
	return map[string]string{"client": client, "version": version, "runtime": "Go " + strings.TrimPrefix(runtime.Version(), "go")}
}
