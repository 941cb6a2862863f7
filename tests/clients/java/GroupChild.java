import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;

/** The same as group_child.py, with Kafka's own consumer. System.nanoTime() is CLOCK_MONOTONIC, too. */
public class GroupChild {
    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        config.put("group.id", args[2]);
        config.put("group.protocol", args[3]);
        config.put("auto.offset.reset", "earliest");
        config.put("enable.auto.commit", "false");
        config.put("max.poll.records", "20");
        config.put("key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
        config.put("value.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
        if (args[3].equals("classic")) {
            config.put("session.timeout.ms", "6000");
            config.put("heartbeat.interval.ms", "500");
        }
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config);
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try {
                main.join(20_000);
            } catch (InterruptedException e) {
                throw new RuntimeException(e);
            }
        }));
        consumer.subscribe(List.of(args[1]), new ConsumerRebalanceListener() {
            @Override public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                tell("assign", partitions);
            }
            @Override public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                tell("revoke", partitions);
            }
            @Override public void onPartitionsLost(Collection<TopicPartition> partitions) {
                tell("lost", partitions);
            }
        });
        try {
            while (true) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(200));
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    tell("read " + record.partition() + " " + record.offset());
                }
                if (records.isEmpty()) continue;
                try {
                    consumer.commitSync();
                } catch (WakeupException e) {
                    throw e;
                } catch (KafkaException e) {
                    tell("uncommitted " + e.getClass().getSimpleName());
                }
            }
        } catch (WakeupException e) {
            // asked to stop
        }
        consumer.close();
        tell("closed");
    }

    static void tell(String event) {
        System.out.println(System.nanoTime() + " " + event);
        System.out.flush();
    }

    static void tell(String event, Collection<TopicPartition> partitions) {
        tell(event + " " + partitions.stream().map(each -> String.valueOf(each.partition())).collect(Collectors.joining(" ")));
    }
}
