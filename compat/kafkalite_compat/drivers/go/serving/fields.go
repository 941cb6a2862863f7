package serving

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"time"
)

// The fields of the steps, in the order of DRIVERS.md. A pointer is a field that may be null.

type Start struct {
	Bootstrap string `json:"bootstrap"`
}

type Nothing struct{}

type Metadata struct {
	Topic           *string `json:"topic"`
	AllowAutoCreate bool    `json:"allow_auto_create"`
}

type OpenProducer struct {
	Producer             string  `json:"producer"`
	Acks                 string  `json:"acks"`
	Compression          string  `json:"compression"`
	Idempotence          bool    `json:"idempotence"`
	TransactionalID      *string `json:"transactional_id"`
	TransactionTimeoutMs int     `json:"transaction_timeout_ms"`
	LingerMs             int     `json:"linger_ms"`
	BatchBytes           *int    `json:"batch_bytes"`
	MaxRequestBytes      *int    `json:"max_request_bytes"`
	Retries              *int    `json:"retries"`
	DeliveryTimeoutMs    int     `json:"delivery_timeout_ms"`
	MaxInFlight          *int    `json:"max_in_flight"`
}

var ProducerDefaults = OpenProducer{Acks: "all", Compression: "none", TransactionTimeoutMs: 60000, DeliveryTimeoutMs: 30000}

type Producer struct {
	Producer string `json:"producer"`
}

type Produce struct {
	Producer string   `json:"producer"`
	Topic    string   `json:"topic"`
	Records  []Record `json:"records"`
}

// Record is one to produce. Key and Value are nil for null.
type Record struct {
	Key         []byte   `json:"key"`
	Value       []byte   `json:"value"`
	Headers     []Header `json:"headers"`
	Partition   *int32   `json:"partition"`
	TimestampMs *int64   `json:"timestamp_ms"`
}

// Header is [name, value] in JSON.
type Header struct {
	Name  string
	Value []byte
}

func (header *Header) UnmarshalJSON(text []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[0], &header.Name); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &header.Value)
}

func (header Header) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]any{header.Name, header.Value})
}

// Written is what came of one record.
type Written struct {
	Partition   *int32   `json:"partition"`
	Offset      *int64   `json:"offset"`
	TimestampMs *int64   `json:"timestamp_ms"`
	Error       *Failure `json:"error,omitempty"`
}

type SendOffsets struct {
	Producer string            `json:"producer"`
	Group    string            `json:"group"`
	Consumer *string           `json:"consumer"`
	Offsets  []CommittedOffset `json:"offsets"`
}

type CommittedOffset struct {
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Offset    *int64  `json:"offset"`
	Metadata  *string `json:"metadata"`
}

type OpenConsumer struct {
	Consumer             string  `json:"consumer"`
	Group                *string `json:"group"`
	Reset                string  `json:"reset"`
	Isolation            string  `json:"isolation"`
	AutoCommit           bool    `json:"auto_commit"`
	AutoCommitIntervalMs *int    `json:"auto_commit_interval_ms"`
	Protocol             string  `json:"protocol"`
	Assignor             *string `json:"assignor"`
	InstanceID           *string `json:"instance_id"`
	SessionTimeoutMs     *int    `json:"session_timeout_ms"`
	HeartbeatIntervalMs  *int    `json:"heartbeat_interval_ms"`
	MaxPollIntervalMs    *int    `json:"max_poll_interval_ms"`
	FetchMaxBytes        *int    `json:"fetch_max_bytes"`
	PartitionFetchBytes  *int    `json:"partition_fetch_bytes"`
	FetchMinBytes        *int    `json:"fetch_min_bytes"`
	FetchMaxWaitMs       *int    `json:"fetch_max_wait_ms"`
	AllowAutoCreate      bool    `json:"allow_auto_create"`
}

var ConsumerDefaults = OpenConsumer{Reset: "earliest", Isolation: "read_uncommitted", Protocol: "classic"}

type Consumer struct {
	Consumer string `json:"consumer"`
}

type Assign struct {
	Consumer   string     `json:"consumer"`
	Partitions []StartsAt `json:"partitions"`
}

type StartsAt struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    At     `json:"offset"`
}

// At is an offset, or the word for one ("earliest", "latest", "committed"); Word is "" for a number.
type At struct {
	Number int64
	Word   string
}

func (at *At) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &at.Number) == nil {
		return nil
	}
	return json.Unmarshal(text, &at.Word)
}

func (at At) String() string {
	if at.Word != "" {
		return at.Word
	}
	return fmt.Sprint(at.Number)
}

type Subscribe struct {
	Consumer string   `json:"consumer"`
	Topics   []string `json:"topics"`
	Pattern  *string  `json:"pattern"`
}

type Poll struct {
	Consumer   string `json:"consumer"`
	TimeoutMs  int    `json:"timeout_ms"`
	MaxRecords int    `json:"max_records"`
}

var PollDefaults = Poll{MaxRecords: 500}

// Polled is one record that was read.
type Polled struct {
	Topic         string   `json:"topic"`
	Partition     int32    `json:"partition"`
	Offset        int64    `json:"offset"`
	TimestampMs   int64    `json:"timestamp_ms"`
	TimestampType *string  `json:"timestamp_type"`
	Key           []byte   `json:"key"`
	Value         []byte   `json:"value"`
	Headers       []Header `json:"headers"`
	DeliveryCount *int32   `json:"delivery_count,omitempty"`
}

// Records is the answer to "poll".
func Records(polled []Polled) any { return map[string]any{"records": List(polled)} }

type TopicPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

// Event is a rebalance that a consumer has seen.
type Event struct {
	Kind       string           `json:"kind"`
	Partitions []TopicPartition `json:"partitions"`
}

type Seek struct {
	Consumer  string `json:"consumer"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    At     `json:"offset"`
}

type Position struct {
	Consumer  string `json:"consumer"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

// CommitOffsets: Offsets nil is after what poll has given.
type CommitOffsets struct {
	Consumer string            `json:"consumer"`
	Offsets  []CommittedOffset `json:"offsets"`
}

type ConsumerPartitions struct {
	Consumer   string           `json:"consumer"`
	Partitions []TopicPartition `json:"partitions"`
}

type ListOffsets struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	At        At     `json:"at"`
	Isolation string `json:"isolation"`
}

var ListOffsetsDefaults = ListOffsets{Isolation: "read_uncommitted"}

type CreateTopic struct {
	Topic        string            `json:"topic"`
	Partitions   int32             `json:"partitions"`
	Replication  int16             `json:"replication"`
	Configs      map[string]string `json:"configs"`
	ValidateOnly bool              `json:"validate_only"`
}

var CreateTopicDefaults = CreateTopic{Partitions: 1, Replication: 1}

type Topic struct {
	Topic string `json:"topic"`
}

type CreatePartitions struct {
	Topic string `json:"topic"`
	Total int    `json:"total"`
}

type Resource struct {
	Resource string `json:"resource"`
	Name     string `json:"name"`
}

type AlterConfigs struct {
	Resource string            `json:"resource"`
	Name     string            `json:"name"`
	Set      map[string]string `json:"set"`
	Unset    []string          `json:"unset"`
}

type ConfigValue struct {
	Value     *string `json:"value"`
	Source    *string `json:"source"`
	ReadOnly  *bool   `json:"read_only"`
	Sensitive *bool   `json:"sensitive"`
}

type DeleteRecords struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Before    int64  `json:"before"`
}

type Group struct {
	Group string `json:"group"`
}

type ListedGroup struct {
	Group string  `json:"group"`
	State *string `json:"state"`
	Type  *string `json:"type"`
}

type GroupOffsets struct {
	Group   string            `json:"group"`
	Offsets []CommittedOffset `json:"offsets"`
}

type GroupPartitions struct {
	Group      string           `json:"group"`
	Partitions []TopicPartition `json:"partitions"`
}

type Member struct {
	MemberID   string           `json:"member_id"`
	InstanceID *string          `json:"instance_id"`
	ClientID   string           `json:"client_id"`
	Partitions []TopicPartition `json:"partitions"`
}

type ACL struct {
	Resource   string `json:"resource"`
	Name       string `json:"name"`
	Principal  string `json:"principal"`
	Operation  string `json:"operation"`
	Permission string `json:"permission"`
}

type OpenShareConsumer struct {
	Consumer        string `json:"consumer"`
	Group           string `json:"group"`
	Acknowledgement string `json:"acknowledgement"`
}

var ShareConsumerDefaults = OpenShareConsumer{Acknowledgement: "implicit"}

type Acknowledge struct {
	Consumer  string `json:"consumer"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Type      string `json:"type"`
}

// Helpers for what is often said.

// Ms is a duration in milliseconds.
func Ms(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }

// Some is a pointer to a value that is known.
func Some[T any](value T) *T { return &value }

// List is never null in JSON.
func List[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}

// OneOf is the value that a word of the suite stands for.
func OneOf[T any](what, word string, values map[string]T) (T, error) {
	value, there := values[word]
	if !there {
		return value, Unsupported(fmt.Sprintf("the library does not know %s %q", what, word))
	}
	return value, nil
}

// Broker is one of a cluster.
type Broker struct {
	ID   int32  `json:"id"`
	Host string `json:"host"`
	Port int    `json:"port"`
}

// BrokerAt takes apart what libraries have as "host:port".
func BrokerAt(id int32, address string) Broker {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return Broker{ID: id, Host: address}
	}
	number, _ := strconv.Atoi(port) // 0 if it is no number: the suite sees that
	return Broker{ID: id, Host: host, Port: number}
}
