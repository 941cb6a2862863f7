package kafkalite.compat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** A KafkaConsumer, alone or in a group. */
final class OwningConsumer implements Polled {
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(10);

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final boolean brokerMatchesPatterns;
    private final Rebalances rebalances = new Rebalances();

    OwningConsumer(KafkaConsumer<byte[], byte[]> consumer, Request request) {
        this.consumer = consumer;
        this.brokerMatchesPatterns = request.text("protocol", "classic").equals("consumer");
    }

    KafkaConsumer<byte[], byte[]> consumer() {
        return consumer;
    }

    @Override
    public void subscribe(Request request) {
        if (!request.has("pattern")) {
            consumer.subscribe(request.texts("topics"), rebalances);
        } else if (brokerMatchesPatterns) {
            BrokerPattern.subscribe(consumer, request.text("pattern"), rebalances);
        } else {
            consumer.subscribe(Pattern.compile(request.text("pattern")), rebalances);
        }
    }

    @Override
    public Map<String, Object> poll(Request request) {
        int atMost = (int) request.number("max_records", ConsumerOptions.MAX_POLL_RECORDS);
        long deadline = System.nanoTime() + request.number("timeout_ms") * 1_000_000;
        List<Object> taken = new ArrayList<>();
        do {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(PollSlice.until(deadline));
            taken.addAll(take(records, atMost));
        } while (taken.isEmpty() && System.nanoTime() < deadline);
        return Answer.of("records", taken);
    }

    /** The first {@code atMost}; the consumer goes back to the others, so that its positions are those that the suite sees. */
    private List<Object> take(ConsumerRecords<byte[], byte[]> records, int atMost) {
        List<Object> taken = new ArrayList<>();
        Map<TopicPartition, Long> left = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            if (taken.size() < atMost) {
                taken.add(TakenRecord.told(record));
            } else {
                left.putIfAbsent(new TopicPartition(record.topic(), record.partition()), record.offset());
            }
        }
        left.forEach(consumer::seek);
        return taken;
    }

    Map<String, Object> assign(Request request) {
        consumer.assign(Partitions.listed(request, "partitions"));
        for (Request one : request.objects("partitions")) {
            if (one.has("offset") && !one.text("offset").equals("committed")) {
                seek(one);
            }
        }
        return Answer.DONE;
    }

    /** The consumer looks for an end when it needs it; asking for the position makes it look now. */
    Map<String, Object> seek(Request request) {
        TopicPartition partition = Partitions.of(request);
        if (request.isNumber("offset")) {
            consumer.seek(partition, request.number("offset"));
            return Answer.DONE;
        }
        if (request.text("offset").equals("earliest")) {
            consumer.seekToBeginning(Set.of(partition));
        } else {
            consumer.seekToEnd(Set.of(partition));
        }
        consumer.position(partition);
        return Answer.DONE;
    }

    Map<String, Object> assignment() {
        return Answer.of(
                "partitions", Partitions.told(consumer.assignment()),
                "member_id", Membership.memberId(consumer),
                "generation", Membership.generation(consumer));
    }

    Map<String, Object> rebalances() {
        return Answer.of("events", rebalances.taken());
    }

    Map<String, Object> position(Request request) {
        return Answer.of("offset", consumer.position(Partitions.of(request)));
    }

    Map<String, Object> commit(Request request) {
        if (request.has("offsets")) {
            consumer.commitSync(Partitions.offsets(request));
        } else {
            consumer.commitSync();
        }
        return Answer.DONE;
    }

    Map<String, Object> committed(Request request) {
        List<TopicPartition> partitions = Partitions.listed(request, "partitions");
        var committed = GroupOffsets.committed(consumer, partitions);
        List<Object> offsets = new ArrayList<>();
        partitions.forEach(partition -> offsets.add(Partitions.told(partition, committed.get(partition))));
        return Answer.of("offsets", offsets);
    }

    Map<String, Object> pause(Request request) {
        consumer.pause(Partitions.listed(request, "partitions"));
        return Answer.DONE;
    }

    Map<String, Object> resume(Request request) {
        consumer.resume(Partitions.listed(request, "partitions"));
        return Answer.DONE;
    }

    @Override
    public void close() {
        consumer.close(CLOSE_WITHIN);
    }

    /** What the group did with this member since the suite last asked. */
    private static final class Rebalances implements ConsumerRebalanceListener {
        private List<Object> events = new ArrayList<>();

        List<Object> taken() {
            List<Object> taken = events;
            events = new ArrayList<>();
            return taken;
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            add("assigned", partitions);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            add("revoked", partitions);
        }

        /** Called since 2.4; older versions say "revoked". */
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            add("lost", partitions);
        }

        private void add(String kind, Collection<TopicPartition> partitions) {
            events.add(Answer.of("kind", kind, "partitions", Partitions.told(partitions)));
        }
    }
}
