package kafkalite.compat;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Committed offsets, as a consumer reads them and an admin changes them (KIP-496 in 2.4, KIP-396 in 2.5). */
final class GroupOffsets {
    private GroupOffsets() {}

    /** A partition without an offset is null, or not there. */
    static Map<TopicPartition, OffsetAndMetadata> committed(
            KafkaConsumer<byte[], byte[]> consumer, List<TopicPartition> partitions) {
        return consumer.committed(new HashSet<>(partitions));
    }

    static void alter(AdminClient admin, String group, Map<TopicPartition, OffsetAndMetadata> offsets)
            throws Exception {
        admin.alterConsumerGroupOffsets(group, offsets).all().get();
    }

    static void delete(AdminClient admin, String group, List<TopicPartition> partitions) throws Exception {
        admin.deleteConsumerGroupOffsets(group, Set.copyOf(partitions)).all().get();
    }
}
