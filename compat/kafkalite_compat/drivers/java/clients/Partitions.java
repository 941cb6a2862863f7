package kafkalite.compat;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Partitions, and offsets in them, as requests and answers write them. */
final class Partitions {
    private Partitions() {}

    static TopicPartition of(Request request) {
        return new TopicPartition(request.text("topic"), request.integer("partition"));
    }

    static List<TopicPartition> listed(Request request, String field) {
        return request.objects(field).stream().map(Partitions::of).toList();
    }

    static List<Map<String, Object>> told(Collection<TopicPartition> partitions) {
        List<Map<String, Object>> told = new ArrayList<>();
        partitions.forEach(one -> told.add(Answer.of("topic", one.topic(), "partition", one.partition())));
        return told;
    }

    /** The field {@code offsets}. */
    static Map<TopicPartition, OffsetAndMetadata> offsets(Request request) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new LinkedHashMap<>();
        for (Request one : request.objects("offsets")) {
            String metadata = one.text("metadata", "");
            offsets.put(of(one), new OffsetAndMetadata(one.number("offset"), metadata));
        }
        return offsets;
    }

    /** {@code offset} may be null: there is none. */
    static Map<String, Object> told(TopicPartition partition, OffsetAndMetadata offset) {
        return Answer.of(
                "topic", partition.topic(),
                "partition", partition.partition(),
                "offset", offset == null ? null : offset.offset(),
                "metadata", offset == null ? null : offset.metadata());
    }
}
