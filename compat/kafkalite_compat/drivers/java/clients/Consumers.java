package kafkalite.compat;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/** The steps of consumers, by the suite's names of them. */
final class Consumers {
    private final Map<String, Polled> consumers = new HashMap<>();
    private final Session session;

    Consumers(Session session) {
        this.session = session;
    }

    void addTo(Steps steps) {
        steps.add("open_consumer", ConsumerOptions.FIELDS, request ->
                opened(request, new OwningConsumer(session.consumer(ConsumerOptions.of(request)), request)));
        steps.add("open_share_consumer", "consumer group acknowledgement", request ->
                opened(request, ShareConsumers.open(session, request)));
        steps.add("subscribe", "consumer topics pattern", request -> {
            polled(request).subscribe(request);
            return Answer.DONE;
        });
        steps.add("poll", "consumer timeout_ms max_records", request -> polled(request).poll(request));
        steps.add("close_consumer", "consumer", this::close);
        addOwning(steps);
        addShare(steps);
    }

    /** What only one that owns partitions can do. */
    private void addOwning(Steps steps) {
        steps.add("assign", "consumer partitions", request -> owning(request).assign(request));
        steps.add("assignment", "consumer", request -> owning(request).assignment());
        steps.add("rebalances", "consumer", request -> owning(request).rebalances());
        steps.add("seek", "consumer topic partition offset", request -> owning(request).seek(request));
        steps.add("position", "consumer topic partition", request -> owning(request).position(request));
        steps.add("commit_offsets", "consumer offsets", request -> owning(request).commit(request));
        steps.add("committed", "consumer partitions", request -> owning(request).committed(request));
        steps.add("pause", "consumer partitions", request -> owning(request).pause(request));
        steps.add("resume", "consumer partitions", request -> owning(request).resume(request));
        steps.add("list_offsets", "topic partition at isolation", request -> ListedOffsets.of(session, request));
    }

    /** What only one of a share group can do. */
    private void addShare(Steps steps) {
        steps.add("acknowledge", "consumer topic partition offset type", request -> {
            ((SharePolled) polled(request)).acknowledge(request);
            return Answer.DONE;
        });
        steps.add("commit_share", "consumer", request -> {
            ((SharePolled) polled(request)).commit();
            return Answer.DONE;
        });
    }

    KafkaConsumer<byte[], byte[]> consumer(String name) {
        return owning(name).consumer();
    }

    private Map<String, Object> opened(Request request, Polled consumer) {
        consumers.put(request.text("consumer"), consumer);
        return Answer.DONE;
    }

    private Map<String, Object> close(Request request) {
        polled(request).close();
        consumers.remove(request.text("consumer"));
        return Answer.DONE;
    }

    private Polled polled(Request request) {
        return Opened.in(consumers, request.text("consumer"));
    }

    private OwningConsumer owning(Request request) {
        return owning(request.text("consumer"));
    }

    private OwningConsumer owning(String name) {
        if (Opened.in(consumers, name) instanceof OwningConsumer owning) {
            return owning;
        }
        throw new Unsupported("KafkaShareConsumer owns no partitions, and has no offsets");
    }
}
