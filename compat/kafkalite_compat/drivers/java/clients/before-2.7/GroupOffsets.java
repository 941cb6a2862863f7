package kafkalite.compat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Committed offsets: a consumer reads them one by one, an admin cannot change them. */
final class GroupOffsets {
    private GroupOffsets() {}

    static Map<TopicPartition, OffsetAndMetadata> committed(
            KafkaConsumer<byte[], byte[]> consumer, List<TopicPartition> partitions) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        partitions.forEach(partition -> offsets.put(partition, consumer.committed(partition)));
        return offsets;
    }

    static void alter(AdminClient admin, String group, Map<TopicPartition, OffsetAndMetadata> offsets) {
        throw new Unsupported("AdminClient.alterConsumerGroupOffsets came with 2.5");
    }

    static void delete(AdminClient admin, String group, List<TopicPartition> partitions) {
        throw new Unsupported("AdminClient.deleteConsumerGroupOffsets came with 2.4");
    }
}
