package kafkalite.compat;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;

/** A member of a group keeps its identity to itself. */
final class Membership {
    private Membership() {}

    static String memberId(KafkaConsumer<byte[], byte[]> consumer) {
        return null;
    }

    static Integer generation(KafkaConsumer<byte[], byte[]> consumer) {
        return null;
    }

    static void sendOffsets(
            KafkaProducer<byte[], byte[]> producer,
            Map<TopicPartition, OffsetAndMetadata> offsets,
            String group,
            KafkaConsumer<byte[], byte[]> consumer) {
        producer.sendOffsetsToTransaction(offsets, group);
    }

    static void close(KafkaProducer<byte[], byte[]> producer, Duration within) {
        producer.close(within.toMillis(), TimeUnit.MILLISECONDS);
    }
}
