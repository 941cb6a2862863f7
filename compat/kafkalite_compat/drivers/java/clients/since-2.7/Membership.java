package kafkalite.compat;

import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;

/** What a member of a group tells of itself (KIP-447, in 2.5). */
final class Membership {
    private Membership() {}

    static String memberId(KafkaConsumer<byte[], byte[]> consumer) {
        String id = consumer.groupMetadata().memberId();
        return id.isEmpty() ? null : id;
    }

    static Integer generation(KafkaConsumer<byte[], byte[]> consumer) {
        int generation = consumer.groupMetadata().generationId();
        return generation < 0 ? null : generation;
    }

    /** {@code consumer} may be null: the offsets then go without a member's identity. */
    static void sendOffsets(
            KafkaProducer<byte[], byte[]> producer,
            Map<TopicPartition, OffsetAndMetadata> offsets,
            String group,
            KafkaConsumer<byte[], byte[]> consumer) {
        var member = consumer == null ? new ConsumerGroupMetadata(group) : consumer.groupMetadata();
        producer.sendOffsetsToTransaction(offsets, member);
    }

    static void close(KafkaProducer<byte[], byte[]> producer, Duration within) {
        producer.close(within);
    }
}
