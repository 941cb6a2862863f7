package kafkalite.compat;

import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;

/** {@code open_consumer}'s fields as options of KafkaConsumer. */
final class ConsumerOptions {
    static final String FIELDS = "consumer group reset isolation auto_commit auto_commit_interval_ms protocol assignor"
            + " instance_id session_timeout_ms heartbeat_interval_ms max_poll_interval_ms fetch_max_bytes"
            + " partition_fetch_bytes fetch_min_bytes fetch_max_wait_ms allow_auto_create";

    /** The records that KafkaConsumer.poll returns at once are an option, not an argument. */
    static final int MAX_POLL_RECORDS = 500;

    private static final String PACKAGE = "org.apache.kafka.clients.consumer.";
    private static final Map<String, String> ASSIGNORS = Map.of(
            "range", "RangeAssignor",
            "roundrobin", "RoundRobinAssignor",
            "sticky", "StickyAssignor",
            "cooperative-sticky", "CooperativeStickyAssignor");

    private ConsumerOptions() {}

    static Options of(Request request) {
        Options options = new Options("consumer", ConsumerConfig.configNames())
                .set("group.id", request.text("group"))
                .set("auto.offset.reset", request.text("reset", "earliest"))
                .set("isolation.level", request.text("isolation", "read_uncommitted"))
                .set("enable.auto.commit", request.flag("auto_commit", false))
                .set("auto.commit.interval.ms", request.number("auto_commit_interval_ms"))
                .set("group.instance.id", request.text("instance_id"))
                .set("max.poll.interval.ms", request.number("max_poll_interval_ms"))
                .set("max.poll.records", MAX_POLL_RECORDS)
                .set("fetch.max.bytes", request.number("fetch_max_bytes"))
                .set("max.partition.fetch.bytes", request.number("partition_fetch_bytes"))
                .set("fetch.min.bytes", request.number("fetch_min_bytes"))
                .set("fetch.max.wait.ms", request.number("fetch_max_wait_ms"))
                // Before 2.3 a consumer cannot keep the broker from creating topics.
                .setIfKnown("allow.auto.create.topics", request.flag("allow_auto_create", false));
        if (request.text("protocol", "classic").equals("classic")) {
            setClassic(options, request);
        } else {
            setConsumer(options, request);
        }
        return options;
    }

    private static void setClassic(Options options, Request request) {
        options.setIfKnown("group.protocol", "classic")
                .set("session.timeout.ms", request.number("session_timeout_ms"))
                .set("heartbeat.interval.ms", request.number("heartbeat_interval_ms"));
        if (request.has("assignor")) {
            options.set("partition.assignment.strategy", assignorClass(request.text("assignor")));
        }
    }

    /** KIP-848: the broker sets the pace and assigns. */
    private static void setConsumer(Options options, Request request) {
        if (request.has("session_timeout_ms") || request.has("heartbeat_interval_ms")) {
            throw new Unsupported("with group.protocol=consumer the broker sets session timeout and heartbeat interval");
        }
        options.set("group.protocol", request.text("protocol")).set("group.remote.assignor", request.text("assignor"));
    }

    private static String assignorClass(String assignor) {
        String name = ASSIGNORS.get(assignor);
        try {
            return Class.forName(PACKAGE + name).getName();
        } catch (ClassNotFoundException older) {
            throw new Unsupported("the consumer has no assignor " + assignor);
        }
    }
}
