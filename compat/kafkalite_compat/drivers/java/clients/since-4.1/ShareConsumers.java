package kafkalite.compat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A KafkaShareConsumer (KIP-932; since 4.1 it speaks the versions of the APIs that brokers keep). */
final class ShareConsumers implements SharePolled {
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(10);

    private record Place(TopicPartition partition, long offset) {}

    private final KafkaShareConsumer<byte[], byte[]> consumer;

    /** What the last poll returned beyond what the suite asked for; given before the consumer is polled again. */
    private final Queue<ConsumerRecord<byte[], byte[]>> ahead = new ArrayDeque<>();

    /** The records that can still be acknowledged. */
    private final Map<Place, ConsumerRecord<byte[], byte[]>> given = new HashMap<>();

    private ShareConsumers(KafkaShareConsumer<byte[], byte[]> consumer) {
        this.consumer = consumer;
    }

    static SharePolled open(Session session, Request request) {
        Options options = new Options("share consumer", ConsumerConfig.configNames())
                .set("bootstrap.servers", session.bootstrap())
                .set("default.api.timeout.ms", Session.WAIT_MS)
                .set("group.id", request.text("group"))
                .set("share.acknowledgement.mode", request.text("acknowledgement", "implicit"));
        return new ShareConsumers(new KafkaShareConsumer<>(
                options.values(), new ByteArrayDeserializer(), new ByteArrayDeserializer()));
    }

    @Override
    public void subscribe(Request request) {
        if (request.has("pattern")) {
            throw new Unsupported("KafkaShareConsumer does not subscribe to patterns");
        }
        consumer.subscribe(request.texts("topics"));
    }

    @Override
    public Map<String, Object> poll(Request request) {
        long atMost = request.number("max_records", ConsumerOptions.MAX_POLL_RECORDS);
        if (ahead.isEmpty()) {
            given.clear();
            fetch(request.number("timeout_ms"));
        }
        List<Object> taken = new ArrayList<>();
        while (taken.size() < atMost && !ahead.isEmpty()) {
            ConsumerRecord<byte[], byte[]> record = ahead.remove();
            given.put(new Place(new TopicPartition(record.topic(), record.partition()), record.offset()), record);
            Map<String, Object> told = TakenRecord.told(record);
            told.put("delivery_count", record.deliveryCount().orElse(null));
            taken.add(told);
        }
        return Answer.of("records", taken);
    }

    private void fetch(long timeoutMs) {
        long deadline = System.nanoTime() + timeoutMs * 1_000_000;
        do {
            consumer.poll(PollSlice.until(deadline)).forEach(ahead::add);
        } while (ahead.isEmpty() && System.nanoTime() < deadline);
    }

    @Override
    public void acknowledge(Request request) {
        var record = given.get(new Place(Partitions.of(request), request.number("offset")));
        if (record == null) {
            throw new IllegalStateException("no such record was delivered to this consumer by its last poll");
        }
        consumer.acknowledge(record, AcknowledgeType.valueOf(request.text("type").toUpperCase()));
    }

    @Override
    public void commit() {
        for (var failure : consumer.commitSync().values()) {
            if (failure.isPresent()) {
                throw failure.get();
            }
        }
    }

    @Override
    public void close() {
        consumer.close(CLOSE_WITHIN);
    }
}
