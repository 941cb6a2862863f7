package kafkalite.compat;

import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;

/** Offsets by timestamp, as a consumer asks for them: only those of a time come with their timestamps. */
final class ListedOffsets {
    private ListedOffsets() {}

    static Map<String, Object> of(Session session, Request request) {
        Options options = new Options("consumer", ConsumerConfig.configNames());
        options.set("isolation.level", request.text("isolation", "read_uncommitted"));
        try (KafkaConsumer<byte[], byte[]> consumer = session.consumer(options)) {
            TopicPartition partition = Partitions.of(request);
            if (request.isNumber("at")) {
                long timeMs = request.number("at");
                OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, timeMs)).get(partition);
                return found == null ? told(null, null) : told(found.offset(), found.timestamp());
            }
            return switch (request.text("at")) {
                case "earliest" -> told(consumer.beginningOffsets(Set.of(partition)).get(partition), null);
                case "latest" -> told(consumer.endOffsets(Set.of(partition)).get(partition), null);
                default -> throw new Unsupported("KafkaConsumer cannot list offsets at " + request.text("at"));
            };
        }
    }

    private static Map<String, Object> told(Long offset, Long timestampMs) {
        return Answer.of("offset", offset, "timestamp_ms", timestampMs);
    }
}
