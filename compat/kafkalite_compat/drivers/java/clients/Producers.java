package kafkalite.compat;

import com.google.gson.JsonElement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The steps of producers, by the suite's names of them. */
final class Producers {
    private static final long REQUEST_TIMEOUT_MS = 30_000;
    private static final long BUFFER_BYTES = 32 << 20;
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(10);

    private final Map<String, KafkaProducer<byte[], byte[]>> producers = new HashMap<>();
    private final Session session;
    private final Consumers consumers;

    Producers(Session session, Consumers consumers) {
        this.session = session;
        this.consumers = consumers;
    }

    void addTo(Steps steps) {
        steps.add(
                "open_producer",
                "producer acks compression idempotence transactional_id transaction_timeout_ms linger_ms batch_bytes"
                        + " max_request_bytes retries delivery_timeout_ms max_in_flight",
                this::open);
        steps.add("produce", "producer topic records", this::produce);
        steps.add("begin", "producer", request -> {
            producer(request).beginTransaction();
            return Answer.DONE;
        });
        steps.add("commit", "producer", request -> {
            producer(request).commitTransaction();
            return Answer.DONE;
        });
        steps.add("abort", "producer", request -> {
            producer(request).abortTransaction();
            return Answer.DONE;
        });
        steps.add("send_offsets", "producer group consumer offsets", this::sendOffsets);
        steps.add("close_producer", "producer", this::close);
    }

    private Map<String, Object> open(Request request) {
        boolean transactional = request.has("transactional_id");
        long lingerMs = request.number("linger_ms", 0);
        long deliveryMs = request.number("delivery_timeout_ms", 30_000);
        Options options = new Options("producer", ProducerConfig.configNames())
                .set("bootstrap.servers", session.bootstrap())
                .set("acks", request.text("acks", "all"))
                .set("compression.type", request.text("compression", "none"))
                .set("enable.idempotence", transactional || request.flag("idempotence", false))
                .set("transactional.id", request.text("transactional_id"))
                .set("linger.ms", lingerMs)
                .set("batch.size", request.number("batch_bytes"))
                .set("max.request.size", request.number("max_request_bytes"))
                .set("buffer.memory", Math.max(BUFFER_BYTES, 2 * request.number("max_request_bytes", 0)))
                .set("retries", request.number("retries"))
                .set("delivery.timeout.ms", deliveryMs)
                // The producer wants delivery to last at least as long as one request and the linger.
                .set("request.timeout.ms", Math.max(1, Math.min(REQUEST_TIMEOUT_MS, deliveryMs - lingerMs)))
                .set("max.block.ms", deliveryMs)
                .set("max.in.flight.requests.per.connection", request.number("max_in_flight"));
        if (transactional) {
            options.set("transaction.timeout.ms", request.number("transaction_timeout_ms", 60_000));
        }
        var producer = new KafkaProducer<>(options.values(), new ByteArraySerializer(), new ByteArraySerializer());
        producers.put(request.text("producer"), producer);
        if (transactional) {
            producer.initTransactions();
        }
        return Answer.DONE;
    }

    private Map<String, Object> produce(Request request) throws InterruptedException {
        KafkaProducer<byte[], byte[]> producer = producer(request);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (Request record : request.objects("records")) {
            sent.add(send(producer, record(request.text("topic"), record)));
        }
        List<Object> results = new ArrayList<>();
        for (Future<RecordMetadata> one : sent) {
            results.add(result(one));
        }
        return Answer.of("results", results);
    }

    /** A producer in trouble (fenced, say) throws instead of returning a failed future; to the suite it is the same. */
    private static Future<RecordMetadata> send(
            KafkaProducer<byte[], byte[]> producer, ProducerRecord<byte[], byte[]> record) {
        try {
            return producer.send(record);
        } catch (KafkaException refused) {
            return CompletableFuture.failedFuture(refused);
        }
    }

    private static Map<String, Object> result(Future<RecordMetadata> sent) throws InterruptedException {
        try {
            RecordMetadata done = sent.get();
            return Answer.of(
                    "partition", done.partition(),
                    "offset", Answer.unlessNegative(done.offset()),
                    "timestamp_ms", Answer.unlessNegative(done.timestamp()));
        } catch (ExecutionException failed) {
            return Answer.of("error", Failure.of(failed));
        }
    }

    private static ProducerRecord<byte[], byte[]> record(String topic, Request fields) {
        Integer partition = fields.has("partition") ? fields.integer("partition") : null;
        var record = new ProducerRecord<>(
                topic, partition, fields.number("timestamp_ms"), fields.bytes("key"), fields.bytes("value"));
        for (List<JsonElement> header : fields.tuples("headers")) {
            JsonElement value = header.get(1);
            byte[] bytes = value.isJsonNull() ? null : Base64.getDecoder().decode(value.getAsString());
            record.headers().add(header.get(0).getAsString(), bytes);
        }
        return record;
    }

    private Map<String, Object> sendOffsets(Request request) {
        var consumer = request.has("consumer") ? consumers.consumer(request.text("consumer")) : null;
        Membership.sendOffsets(producer(request), Partitions.offsets(request), request.text("group"), consumer);
        return Answer.DONE;
    }

    private Map<String, Object> close(Request request) {
        KafkaProducer<byte[], byte[]> producer = producer(request);
        producers.remove(request.text("producer"));
        Membership.close(producer, CLOSE_WITHIN);
        return Answer.DONE;
    }

    private KafkaProducer<byte[], byte[]> producer(Request request) {
        return Opened.in(producers, request.text("producer"));
    }
}
