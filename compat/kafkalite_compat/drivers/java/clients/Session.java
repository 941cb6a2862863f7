package kafkalite.compat;

import java.util.Map;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** The broker that the driver speaks with, and the one admin client that all steps share. */
final class Session {
    /** The longest that a call may wait for the broker: well below what the suite waits for an answer. */
    static final int WAIT_MS = 30_000;

    private String bootstrap;
    private AdminClient admin;

    /** What is opened from now on goes to this address. */
    void use(String address) {
        if (admin != null) {
            admin.close();
            admin = null;
        }
        bootstrap = address;
    }

    String bootstrap() {
        return bootstrap;
    }

    AdminClient admin() {
        if (admin == null) {
            admin = AdminClient.create(Map.of(
                    "bootstrap.servers", bootstrap, "request.timeout.ms", WAIT_MS, "default.api.timeout.ms", WAIT_MS));
        }
        return admin;
    }

    KafkaConsumer<byte[], byte[]> consumer(Options options) {
        options.set("bootstrap.servers", bootstrap).set("default.api.timeout.ms", WAIT_MS);
        return new KafkaConsumer<>(options.values(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
