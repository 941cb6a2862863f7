package kafkalite.compat;

import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/** A pattern is the consumer's to match, whatever the protocol. */
final class BrokerPattern {
    private BrokerPattern() {}

    static void subscribe(KafkaConsumer<byte[], byte[]> consumer, String pattern, ConsumerRebalanceListener listener) {
        consumer.subscribe(Pattern.compile(pattern), listener);
    }
}
