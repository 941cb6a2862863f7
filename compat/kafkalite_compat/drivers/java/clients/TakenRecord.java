package kafkalite.compat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.TimestampType;

/** A record as {@code poll} answers it. */
final class TakenRecord {
    private TakenRecord() {}

    static Map<String, Object> told(ConsumerRecord<byte[], byte[]> record) {
        return Answer.of(
                "topic", record.topic(),
                "partition", record.partition(),
                "offset", record.offset(),
                "timestamp_ms", record.timestamp(),
                "timestamp_type", timestampType(record.timestampType()),
                "key", Answer.base64(record.key()),
                "value", Answer.base64(record.value()),
                "headers", headers(record));
    }

    private static String timestampType(TimestampType type) {
        return switch (type) {
            case CREATE_TIME -> "create";
            case LOG_APPEND_TIME -> "append";
            case NO_TIMESTAMP_TYPE -> null;
        };
    }

    private static List<Object> headers(ConsumerRecord<byte[], byte[]> record) {
        List<Object> headers = new ArrayList<>();
        for (Header header : record.headers()) {
            headers.add(Arrays.asList(header.key(), Answer.base64(header.value())));
        }
        return headers;
    }
}
