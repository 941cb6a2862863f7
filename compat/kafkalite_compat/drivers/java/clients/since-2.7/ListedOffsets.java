package kafkalite.compat;

import java.util.Map;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/** Offsets by timestamp, as an admin asks for them (KIP-396, in 2.5). */
final class ListedOffsets {
    private ListedOffsets() {}

    static Map<String, Object> of(Session session, Request request) throws Exception {
        TopicPartition partition = Partitions.of(request);
        String isolation = request.text("isolation", "read_uncommitted");
        var options = new ListOffsetsOptions(IsolationLevel.valueOf(isolation.toUpperCase()));
        ListOffsetsResultInfo found = session.admin()
                .listOffsets(Map.of(partition, spec(request)), options)
                .partitionResult(partition)
                .get();
        return Answer.of(
                "offset", Answer.unlessNegative(found.offset()),
                "timestamp_ms", Answer.unlessNegative(found.timestamp()));
    }

    private static OffsetSpec spec(Request request) {
        if (request.isNumber("at")) {
            return OffsetSpec.forTimestamp(request.number("at"));
        }
        return switch (request.text("at")) {
            case "earliest" -> OffsetSpec.earliest();
            case "latest" -> OffsetSpec.latest();
            case "max_timestamp" -> MaxTimestamp.spec();
            default -> throw new Unsupported("list_offsets at " + request.text("at"));
        };
    }
}
