"""Kafka's error codes, as they travel in responses.

Names and numbers are those of `org.apache.kafka.common.protocol.Errors` in Apache Kafka 4.3.0.
"""

from enum import IntEnum
from typing import Final, Self

_RETRY: Final = True  # Kafka's exception for the code is a RetriableException
_FINAL: Final = False


class ErrorCode(IntEnum):
    """One error code; `ErrorCode(3)` finds it by number and raises ValueError for an unknown one.

    `retriable` tells whether a client may repeat the same request and hope for a better answer;
    `message` is one plain sentence for people, without a full stop, to be followed by details.
    """

    retriable: bool
    message: str

    def __new__(cls, code: int, retriable: bool, message: str) -> Self:
        self = int.__new__(cls, code)
        self._value_ = code
        self.retriable = retriable
        self.message = message
        return self

    UNKNOWN_SERVER_ERROR = -1, _FINAL, "the broker hit a fault of its own while serving the request"
    NONE = 0, _FINAL, "no error"
    OFFSET_OUT_OF_RANGE = 1, _FINAL, "the offset lies before the start or past the end of the log"
    CORRUPT_MESSAGE = (
        2,
        _RETRY,
        "a record batch is damaged: its checksum, size or required key is wrong",
    )
    UNKNOWN_TOPIC_OR_PARTITION = 3, _RETRY, "no such topic or partition on this broker"
    INVALID_FETCH_SIZE = 4, _FINAL, "the requested fetch size makes no sense"
    LEADER_NOT_AVAILABLE = 5, _RETRY, "the partition has no leader at the moment"
    NOT_LEADER_OR_FOLLOWER = (
        6,
        _RETRY,
        "this broker does not lead the partition, or holds no replica of it",
    )
    REQUEST_TIMED_OUT = 7, _RETRY, "the request could not be finished in the time it allowed"
    BROKER_NOT_AVAILABLE = 8, _FINAL, "the broker is down"
    REPLICA_NOT_AVAILABLE = (
        9,
        _RETRY,
        "this broker's replica of the partition cannot be used right now",
    )
    MESSAGE_TOO_LARGE = 10, _FINAL, "a record batch is larger than the topic accepts"
    STALE_CONTROLLER_EPOCH = 11, _FINAL, "a newer controller has taken over"
    OFFSET_METADATA_TOO_LARGE = (
        12,
        _FINAL,
        "the text committed beside an offset is longer than allowed",
    )
    NETWORK_EXCEPTION = 13, _RETRY, "the connection was lost before the answer came"
    COORDINATOR_LOAD_IN_PROGRESS = (
        14,
        _RETRY,
        "the coordinator is still reading its state from the log",
    )
    COORDINATOR_NOT_AVAILABLE = 15, _RETRY, "there is no coordinator to serve this id yet"
    NOT_COORDINATOR = 16, _RETRY, "another broker coordinates this id"
    INVALID_TOPIC_EXCEPTION = (
        17,
        _FINAL,
        "the topic name is not a legal one, or the topic may not be used this way",
    )
    RECORD_LIST_TOO_LARGE = 18, _FINAL, "the batches sent do not fit in one log segment"
    NOT_ENOUGH_REPLICAS = 19, _RETRY, "too few replicas are in sync to accept the write"
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = (
        20,
        _RETRY,
        "the write reached the leader's log, but too few replicas were in sync to confirm it",
    )
    INVALID_REQUIRED_ACKS = 21, _FINAL, "acks must be -1, 0 or 1"
    ILLEGAL_GENERATION = 22, _FINAL, "the group has moved on to another generation"
    INCONSISTENT_GROUP_PROTOCOL = (
        23,
        _FINAL,
        "the member shares no protocol with the group, or names none at all",
    )
    INVALID_GROUP_ID = 24, _FINAL, "the group id is not a legal one"
    UNKNOWN_MEMBER_ID = 25, _FINAL, "the group has no member with this id"
    INVALID_SESSION_TIMEOUT = (
        26,
        _FINAL,
        "the session timeout is outside the range of group.*.session.timeout.ms",
    )
    REBALANCE_IN_PROGRESS = 27, _FINAL, "the group is rebalancing: the member must join again"
    INVALID_COMMIT_OFFSET_SIZE = 28, _FINAL, "the offset commit is too large to be stored"
    TOPIC_AUTHORIZATION_FAILED = 29, _FINAL, "the principal lacks the rights for this topic"
    GROUP_AUTHORIZATION_FAILED = 30, _FINAL, "the principal lacks the rights for this group"
    CLUSTER_AUTHORIZATION_FAILED = 31, _FINAL, "the principal lacks the rights for this cluster"
    INVALID_TIMESTAMP = 32, _FINAL, "a record's timestamp is too far from the broker's time"
    UNSUPPORTED_SASL_MECHANISM = 33, _FINAL, "the listener does not offer this SASL mechanism"
    ILLEGAL_SASL_STATE = 34, _FINAL, "the request does not fit the current step of authentication"
    UNSUPPORTED_VERSION = 35, _FINAL, "the broker does not speak this version of the API"
    TOPIC_ALREADY_EXISTS = 36, _FINAL, "a topic of this name exists already"
    INVALID_PARTITIONS = 37, _FINAL, "the number of partitions is not acceptable"
    INVALID_REPLICATION_FACTOR = (
        38,
        _FINAL,
        "the replication factor is below 1 or above the number of usable brokers",
    )
    INVALID_REPLICA_ASSIGNMENT = (
        39,
        _FINAL,
        "the replicas given for the partitions do not make sense",
    )
    INVALID_CONFIG = 40, _FINAL, "a configuration value is not acceptable"
    NOT_CONTROLLER = 41, _RETRY, "this node is not the active controller"
    INVALID_REQUEST = 42, _FINAL, "the fields of the request contradict each other or the protocol"
    UNSUPPORTED_FOR_MESSAGE_FORMAT = (
        43,
        _FINAL,
        "the topic's record format cannot do what was asked",
    )
    POLICY_VIOLATION = 44, _FINAL, "a policy of this cluster forbids the request"
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45, _FINAL, "the producer's sequence numbers have a gap"
    DUPLICATE_SEQUENCE_NUMBER = 46, _FINAL, "a batch with these sequence numbers was written before"
    INVALID_PRODUCER_EPOCH = 47, _FINAL, "the producer's epoch is an old one"
    INVALID_TXN_STATE = 48, _FINAL, "the transaction is in no state that allows this step"
    INVALID_PRODUCER_ID_MAPPING = 49, _FINAL, "the transactional id belongs to another producer id"
    INVALID_TRANSACTION_TIMEOUT = (
        50,
        _FINAL,
        "the transaction timeout is above transaction.max.timeout.ms",
    )
    CONCURRENT_TRANSACTIONS = 51, _RETRY, "another step of the same transaction is still under way"
    TRANSACTION_COORDINATOR_FENCED = (
        52,
        _FINAL,
        "the markers come from a coordinator that has been replaced",
    )
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = (
        53,
        _FINAL,
        "the principal lacks the rights for this transactional id",
    )
    SECURITY_DISABLED = 54, _FINAL, "no authorizer is configured on this cluster"
    OPERATION_NOT_ATTEMPTED = (
        55,
        _FINAL,
        "left undone because another part of the same request failed",
    )
    KAFKA_STORAGE_ERROR = 56, _RETRY, "the disk under this log failed"
    LOG_DIR_NOT_FOUND = 57, _FINAL, "the broker has no such log directory"
    SASL_AUTHENTICATION_FAILED = 58, _FINAL, "the credentials were not accepted"
    UNKNOWN_PRODUCER_ID = (
        59,
        _FINAL,
        "the log remembers nothing of this producer, perhaps because its records were deleted",
    )
    REASSIGNMENT_IN_PROGRESS = 60, _FINAL, "the partition's replicas are being moved"
    DELEGATION_TOKEN_AUTH_DISABLED = 61, _FINAL, "delegation tokens are not enabled here"
    DELEGATION_TOKEN_NOT_FOUND = 62, _FINAL, "no such delegation token"
    DELEGATION_TOKEN_OWNER_MISMATCH = (
        63,
        _FINAL,
        "the principal is neither owner nor renewer of the delegation token",
    )
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED = (
        64,
        _FINAL,
        "delegation tokens cannot be managed over this kind of connection",
    )
    DELEGATION_TOKEN_AUTHORIZATION_FAILED = (
        65,
        _FINAL,
        "the principal lacks the rights for this delegation token",
    )
    DELEGATION_TOKEN_EXPIRED = 66, _FINAL, "the delegation token is past its end"
    INVALID_PRINCIPAL_TYPE = 67, _FINAL, "principals of this type cannot be used here"
    NON_EMPTY_GROUP = 68, _FINAL, "the group still has members"
    GROUP_ID_NOT_FOUND = 69, _FINAL, "no such group"
    FETCH_SESSION_ID_NOT_FOUND = 70, _RETRY, "no such fetch session: start a new one"
    INVALID_FETCH_SESSION_EPOCH = 71, _RETRY, "the fetch session expected another epoch"
    LISTENER_NOT_FOUND = 72, _RETRY, "the leader has no listener of the name the client used"
    TOPIC_DELETION_DISABLED = 73, _FINAL, "delete.topic.enable is off"
    FENCED_LEADER_EPOCH = 74, _RETRY, "the client's leader epoch is behind the broker's"
    UNKNOWN_LEADER_EPOCH = 75, _RETRY, "the client's leader epoch is ahead of the broker's"
    UNSUPPORTED_COMPRESSION_TYPE = (
        76,
        _FINAL,
        "the client cannot read the compression used in this partition",
    )
    STALE_BROKER_EPOCH = 77, _FINAL, "the broker has registered anew since"
    OFFSET_NOT_AVAILABLE = 78, _RETRY, "a new leader does not know its high watermark yet"
    MEMBER_ID_REQUIRED = 79, _FINAL, "join again with the member id in this answer"
    PREFERRED_LEADER_NOT_AVAILABLE = 80, _RETRY, "the preferred leader cannot take over"
    GROUP_MAX_SIZE_REACHED = 81, _FINAL, "the group has as many members as it may have"
    FENCED_INSTANCE_ID = 82, _FINAL, "another member has taken over this group.instance.id"
    ELIGIBLE_LEADERS_NOT_AVAILABLE = 83, _RETRY, "no replica is fit to lead the partition"
    ELECTION_NOT_NEEDED = 84, _RETRY, "the partition has the leader it should have"
    NO_REASSIGNMENT_IN_PROGRESS = 85, _FINAL, "the partition's replicas are not being moved"
    GROUP_SUBSCRIBED_TO_TOPIC = (
        86,
        _FINAL,
        "the group is consuming this topic: its offsets cannot be deleted",
    )
    INVALID_RECORD = 87, _FINAL, "a record breaks the rules of its topic"
    UNSTABLE_OFFSET_COMMIT = 88, _RETRY, "the offsets wait for a transaction to end"
    THROTTLING_QUOTA_EXCEEDED = 89, _RETRY, "the client has used up its quota"
    PRODUCER_FENCED = 90, _FINAL, "a newer producer uses the same transactional id"
    RESOURCE_NOT_FOUND = 91, _FINAL, "the request names something that does not exist"
    DUPLICATE_RESOURCE = 92, _FINAL, "the request names the same thing twice"
    UNACCEPTABLE_CREDENTIAL = 93, _FINAL, "the credential is too weak or malformed"
    INCONSISTENT_VOTER_SET = 94, _FINAL, "sender and receiver disagree about who the voters are"
    INVALID_UPDATE_VERSION = 95, _FINAL, "the update is based on a wrong version"
    FEATURE_UPDATE_FAILED = 96, _FINAL, "the controller could not change the feature levels"
    PRINCIPAL_DESERIALIZATION_FAILURE = (
        97,
        _FINAL,
        "the principal of a forwarded request cannot be read",
    )
    SNAPSHOT_NOT_FOUND = 98, _FINAL, "no such snapshot"
    POSITION_OUT_OF_RANGE = 99, _FINAL, "the position lies outside the snapshot"
    UNKNOWN_TOPIC_ID = 100, _RETRY, "this broker knows no topic with this id"
    DUPLICATE_BROKER_REGISTRATION = 101, _FINAL, "a live broker has this id already"
    BROKER_ID_NOT_REGISTERED = 102, _FINAL, "no broker with this id has registered"
    INCONSISTENT_TOPIC_ID = 103, _RETRY, "the log belongs to a topic with another id"
    INCONSISTENT_CLUSTER_ID = 104, _FINAL, "the request is meant for another cluster"
    TRANSACTIONAL_ID_NOT_FOUND = 105, _FINAL, "no such transactional id"
    FETCH_SESSION_TOPIC_ID_ERROR = 106, _RETRY, "the fetch session mixes topic names and topic ids"
    INELIGIBLE_REPLICA = 107, _FINAL, "a replica in the new ISR may not be in it"
    NEW_LEADER_ELECTED = (
        108,
        _FINAL,
        "the change was made, and it gave the partition another leader",
    )
    OFFSET_MOVED_TO_TIERED_STORAGE = 109, _FINAL, "the offset is only in remote storage now"
    FENCED_MEMBER_EPOCH = (
        110,
        _FINAL,
        "the member's epoch is not valid any more: give up the partitions and join again",
    )
    UNRELEASED_INSTANCE_ID = 111, _FINAL, "another member still holds this instance id"
    UNSUPPORTED_ASSIGNOR = 112, _FINAL, "the group cannot use this assignor or this version of it"
    STALE_MEMBER_EPOCH = 113, _FINAL, "the member's epoch is behind: retry after the next heartbeat"
    MISMATCHED_ENDPOINT_TYPE = (
        114,
        _FINAL,
        "the request belongs to the other kind of listener, broker or controller",
    )
    UNSUPPORTED_ENDPOINT_TYPE = 115, _FINAL, "this kind of endpoint is not known here"
    UNKNOWN_CONTROLLER_ID = 116, _FINAL, "no controller has this id"
    UNKNOWN_SUBSCRIPTION_ID = (
        117,
        _FINAL,
        "the telemetry subscription has changed: ask for it again",
    )
    TELEMETRY_TOO_LARGE = 118, _FINAL, "the pushed metrics are larger than the broker takes"
    INVALID_REGISTRATION = 119, _FINAL, "the controller turned down the broker's registration"
    TRANSACTION_ABORTABLE = (
        120,
        _FINAL,
        "the transaction cannot go on, but aborting it makes the transactional id usable again",
    )
    INVALID_RECORD_STATE = 121, _FINAL, "the records are in no state that can be acknowledged"
    SHARE_SESSION_NOT_FOUND = 122, _RETRY, "no such share session"
    INVALID_SHARE_SESSION_EPOCH = 123, _RETRY, "the share session expected another epoch"
    FENCED_STATE_EPOCH = 124, _FINAL, "the share group's state has a newer epoch"
    INVALID_VOTER_KEY = 125, _FINAL, "the voter's directory id is not this node's"
    DUPLICATE_VOTER = 126, _FINAL, "this node is a voter already"
    VOTER_NOT_FOUND = 127, _FINAL, "this node is not a voter"
    INVALID_REGULAR_EXPRESSION = (
        128,
        _FINAL,
        "the subscription is not a regular expression that RE2 accepts",
    )
    REBOOTSTRAP_REQUIRED = (
        129,
        _FINAL,
        "the client's picture of the cluster is too old: start again from bootstrap.servers",
    )
    STREAMS_INVALID_TOPOLOGY = 130, _FINAL, "the topology cannot be used"
    STREAMS_INVALID_TOPOLOGY_EPOCH = 131, _FINAL, "the topology's epoch is not an acceptable one"
    STREAMS_TOPOLOGY_FENCED = 132, _FINAL, "the group runs a newer topology"
    SHARE_SESSION_LIMIT_REACHED = 133, _RETRY, "there are as many share sessions as are allowed"
