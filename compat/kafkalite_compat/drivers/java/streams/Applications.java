package kafkalite.compat;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** The steps of applications, by the suite's names of them. */
final class Applications {
    private static final long RUNNING_WITHIN_MS = 55_000;
    private static final long LOOK_AGAIN_AFTER_MS = 20;
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(20);

    private final Map<String, KafkaStreams> applications = new HashMap<>();
    private String bootstrap;

    void use(String address) {
        bootstrap = address;
    }

    void addTo(Steps steps) {
        steps.add(
                "start_streams",
                "application application_id topology input output table guarantee group_protocol state_dir",
                this::start);
        steps.add("stop_streams", "application", this::stop);
    }

    private Map<String, Object> start(Request request) throws InterruptedException {
        var streams = new KafkaStreams(Topologies.of(request), properties(request));
        AtomicReference<Throwable> failure = new AtomicReference<>();
        streams.setUncaughtExceptionHandler(thrown -> {
            failure.set(thrown);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        applications.put(request.text("application"), streams);
        streams.start();
        long deadline = System.currentTimeMillis() + RUNNING_WITHIN_MS;
        while (streams.state() != KafkaStreams.State.RUNNING) {
            if (failure.get() != null) {
                throw new StreamsException(failure.get());
            }
            if (System.currentTimeMillis() > deadline) {
                throw new StreamsException("the application is still " + streams.state());
            }
            Thread.sleep(LOOK_AGAIN_AFTER_MS);
        }
        return Answer.DONE;
    }

    private Properties properties(Request request) {
        Options options = new Options("Streams application", StreamsConfig.configDef().names())
                .set("bootstrap.servers", bootstrap)
                .set("application.id", request.text("application_id"))
                .set("state.dir", request.text("state_dir"))
                .set("processing.guarantee", Guarantee.named(request.text("guarantee", "at_least_once")))
                .set("commit.interval.ms", 100);
        if (request.text("group_protocol", "classic").equals("classic")) {
            options.setIfKnown("group.protocol", "classic");
        } else {
            options.set("group.protocol", request.text("group_protocol"));
        }
        Properties properties = new Properties();
        properties.putAll(options.values());
        // Streams does not leave its classic group when it stops: one that is started again waits for the session to end.
        properties.put("consumer.session.timeout.ms", "6000");
        properties.put("consumer.heartbeat.interval.ms", "1000");
        return properties;
    }

    private Map<String, Object> stop(Request request) {
        String name = request.text("application");
        if (!Opened.in(applications, name).close(CLOSE_WITHIN)) {
            throw new StreamsException("the application did not stop within " + CLOSE_WITHIN);
        }
        applications.remove(name);
        return Answer.DONE;
    }
}
