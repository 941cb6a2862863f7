package kafkalite.compat;

import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;

/** A pattern that the broker matches (KIP-848, in 4.0). */
final class BrokerPattern {
    private BrokerPattern() {}

    static void subscribe(KafkaConsumer<byte[], byte[]> consumer, String pattern, ConsumerRebalanceListener listener) {
        consumer.subscribe(new SubscriptionPattern(pattern), listener);
    }
}
