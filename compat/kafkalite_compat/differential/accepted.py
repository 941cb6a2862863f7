"""Where kafkalite answers otherwise on purpose. An entry that nothing needs any more fails the tests, too."""

from __future__ import annotations

from typing import Final

from kafkalite_compat.differential.comparing import Accepted

ACCEPTED: Final = (
    # ACLs
    Accepted(
        r"^acls_refused / create (resource type|pattern|operation|permission) (any|match) ",
        "what is for filters only is an exception in Kafka (UNKNOWN_SERVER_ERROR); here it is INVALID_REQUEST",
    ),
    Accepted(
        r"^(sweep_)?api_versions / .* / (supported|finalized)",
        "features that need what is not served here are not advertised",
    ),
    Accepted(
        r"^headers / (header|body) tags huge count / ",
        "Kafka takes 4294967295 tags for -1, so none; such a count is an error here",
    ),
    # Produce
    Accepted(
        r"\.error_message$",
        "most refusals come with a sentence here; Kafka sends null unless single records are at fault",
    ),
    Accepted(
        r"^bad_batches / (count and delta 2|no records after the header|.* bit on plain) ",
        "records are walked only where a topic asks for it, so what is wrong inside them is stored",
    ),
    Accepted(
        r"^bad_batches / what is there v11 / .*records\[11\]\.crc$",
        "where records are not walked a header's maxTimestamp is taken as it is, unless it is too far ahead; "
        "Kafka makes one of -5 a -1",
    ),
    Accepted(
        r"bad_batches.* / batch length 2147483647 .*\.error_code$",
        "UNKNOWN_SERVER_ERROR of Kafka's is an exception; the batch is cut off: INVALID_RECORD",
    ),
    Accepted(
        r"^same_partition_twice / ",
        "Kafka forgets all but the last batch without a word; here each is appended",
    ),
    # Fetch
    Accepted(
        r"^fetch_versions / isolation 7 |^offsets / isolation 3 ",
        "an isolation level that does not exist is an exception in Kafka (UNKNOWN_SERVER_ERROR); here it "
        "is read_uncommitted",
    ),
    Accepted(
        r"^limits / (partition|request) -1 ",
        "a negative limit is an exception in Kafka (UNKNOWN_SERVER_ERROR); here it is a limit of 0, "
        "which gives one batch",
    ),
    Accepted(
        r"^deleted_while_parked / .*\.aborted_transactions$",
        "with UNKNOWN_TOPIC_OR_PARTITION Kafka says [] or null, depending on which part of it noticed; here always []",
    ),
    Accepted(
        r"^session_of_a_deleted_topic / (deleted|made again|the new one added).* v13 / ",
        "a session of ids remembers no names here: a deleted topic is UNKNOWN_TOPIC_ID, where Kafka says "
        "UNKNOWN_TOPIC_OR_PARTITION, and INCONSISTENT_TOPIC_ID once the name is taken again (until then also for "
        "the new id). Clients ask for metadata on each of the three",
    ),
    # Groups
    Accepted(
        r"^consumer_commits / null reads in an epoch ",
        "nobody who is in an epoch is an exception in Kafka (UNKNOWN_SERVER_ERROR); here it is an unknown member",
    ),
    # Offsets
    Accepted(
        r"^offsets_within_batches / without timestamps -3 ",
        "where no record has a timestamp Kafka names the first record, with timestamp -1; here there is none",
    ),
    Accepted(
        r"^epochs / epoch -2 ",
        "only -1 stands for an unknown epoch in Kafka, which echoes other negative ones; here they are all unknown",
    ),
    # compression.type
    Accepted(
        r"^recompressed_bad_batches / (\w+ bit on plain|count and delta 2|no records after the header) to ",
        "a batch in the topic's codec already is stored as it came, so what is wrong inside it is stored as well",
    ),
    Accepted(
        r"^recompressed_bad_batches / (producer id without epoch|negative timestamp) to ",
        "when it makes a batch anew Kafka trips over these (UNKNOWN_SERVER_ERROR), and otherwise stores them; here they are stored",
    ),
    # DeleteRecords
    Accepted(
        r"^deleted_records / .*, then max time ",
        "Kafka's greatest timestamp may be that of a deleted record, with an offset that cannot be read; here it is of what is left",
    ),
    # Administration
    Accepted(
        r"^quorum / .*\.(high_watermark|log_end_offset|last_\w+_timestamp)$",
        "each broker has a metadata log and a clock of its own",
    ),
    Accepted(
        r"^quorum / .*\.listeners\[0\]\.name$",
        "there is no listener for controllers here; the one that the client dialled is named",
    ),
    Accepted(
        r"^credentials / empty password ",
        "an empty password is an exception in Kafka (UNKNOWN_SERVER_ERROR); here it is UNACCEPTABLE_CREDENTIAL",
    ),
    Accepted(
        r"_configs / unknown operation(, checked)? v\d / ",
        "an operation on configs that does not exist is an exception in Kafka (UNKNOWN_SERVER_ERROR)",
    ),
    Accepted(
        r"^group_configs / .*\.configs\[(12|14)\]\.",
        "group.streams.assignment.interval.ms and group.streams.initial.rebalance.delay.ms are 0 here",
    ),
    # Streams groups
    Accepted(
        r"^bad_streams_heartbeats / (negative topology epoch|same id twice|copartition group that points nowhere) ",
        "these are exceptions in Kafka (UNKNOWN_SERVER_ERROR); here they are STREAMS_INVALID_TOPOLOGY",
    ),
    Accepted(
        r"^missing_internal_topics / (join|made) ",
        "internal topics of a new application are made before its first member is answered, not while it waits for its next heartbeat",
    ),
    Accepted(
        r"^tasks_from_member_to_member / a missed the answer v0 / (active|standby|warmup)_tasks$",
        "a member that names an older epoch has missed an answer, and is told its tasks again; Kafka leaves them at rest",
    ),
    Accepted(
        r"^topics_of_streams / list not ready ",
        "Kafka finds this state under not_ready only, though it prints NotReady and its clients ask for that",
    ),
    # Configs
    Accepted(
        r"^all_topic_configs / .*\.configs\[21\]\.",
        "Kafka's storage tool sets min.insync.replicas for all brokers when it formats a directory",
    ),
    Accepted(
        r"^telemetry / push zstd ",
        "the metrics of clients are read by nobody here, so what is wrong inside them is not seen",
    ),
    Accepted(
        r"^features_switched_off / .* / error_message$",
        "here the refusal says which feature is missing",
    ),
    # Share groups
    Accepted(
        r"^share_acquiring / alice: all |^share_limits / alice: four exactly .*acquired_records$",
        "the same records, acquired in larger pieces: their batches are not kept apart once a restart, or the end of "
        "the group's last session, has left only their states, nor where an exact fetch stopped inside one",
    ),
    Accepted(
        r"^share_of_unknown_topics / (unknown|zero) id: (alone|beside it)( again)? ",
        "one unknown topic id in a session makes Kafka refuse every fetch of it (UNKNOWN_SERVER_ERROR), until it is forgotten; here "
        "its partitions say UNKNOWN_TOPIC_ID and the others are read",
    ),
    Accepted(
        r"^(share_heartbeats / (no|long) member id|sweep_share_group_heartbeat / .*) v1 / error_message$",
        "every refusal of a heartbeat comes with a sentence here",
    ),
    # The sweep
    Accepted(
        r"^sweep_create_delegation_token / null owner_principal_type v3 ",
        "an owner of half a name is an exception in Kafka (UNKNOWN_SERVER_ERROR); here tokens are refused, as on any PLAINTEXT listener",
    ),
    Accepted(
        r"^sweep_add_raft_voter / null cluster_id v[01] / error_code$",
        "Kafka looks for the name of its controller listener among the voter's listeners; here none has a name, so the request is refused "
        "for the next reason: the quorum is fixed",
    ),
    Accepted(
        r"^sweep_describe_log_dirs / .*\.partition_size$",
        "what earlier scripts have left is not of one size: bad batches that are stored here (see bad_batches, same_partition_twice), what "
        "another library compressed (zstd, lz4 at a level), and records of internal topics, whose partition depends on random ids; "
        "log_dirs compares the sizes of topics that hold the same",
    ),
)
