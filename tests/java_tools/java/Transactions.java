import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.UpdateFeaturesOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * What applications do with the transactional producer; each case prints one line, `case: what came of it`.
 *
 *   Transactions BOOTSTRAP LEVEL     LEVEL of the feature transaction.version; the cluster is set to it first
 */
public class Transactions {
    static final int PARTITIONS = 20;
    static String bootstrap;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            short level = Short.parseShort(args[1]);
            short now = admin.describeFeatures().featureMetadata().get().finalizedFeatures().get("transaction.version").maxVersionLevel();
            if (now != level) {
                FeatureUpdate.UpgradeType type = level < now ? FeatureUpdate.UpgradeType.SAFE_DOWNGRADE : FeatureUpdate.UpgradeType.UPGRADE;
                admin.updateFeatures(Map.of("transaction.version", new FeatureUpdate(level, type)), new UpdateFeaturesOptions()).all().get();
            }
            System.out.println("level: " + admin.describeFeatures().featureMetadata().get().finalizedFeatures().getOrDefault("transaction.version", null));
        }
        commitAndAbort();
        large();
        fencing();
        timeout();
        consumeTransformProduce();
    }

    static void commitAndAbort() throws Exception {
        String topic = newTopic(3);
        try (KafkaProducer<String, String> producer = producer(UUID.randomUUID().toString(), 60_000)) {
            producer.initTransactions();
            producer.beginTransaction();
            send(producer, topic, 6, 3, "a");
            producer.flush();
            System.out.println("open: " + counts(topic, 3));
            producer.commitTransaction();
            System.out.println("committed: " + countsOnceEnded(topic, 3));
            producer.beginTransaction();
            send(producer, topic, 9, 3, "b");
            producer.flush();
            producer.abortTransaction();
            System.out.println("aborted: " + countsOnceEnded(topic, 3));
            producer.beginTransaction();
            producer.commitTransaction();
            producer.beginTransaction();
            producer.abortTransaction();
            System.out.println("empty: " + countsOnceEnded(topic, 3));
            for (int n = 0; n < 50; n++) {
                producer.beginTransaction();
                send(producer, topic, 3, 3, "c" + n);
                producer.flush();
                if (n % 2 == 0) producer.commitTransaction(); else producer.abortTransaction();
            }
            System.out.println("fifty in a row: " + countsOnceEnded(topic, 3));
        }
    }

    static void large() throws Exception {
        String topic = newTopic(PARTITIONS);
        try (KafkaProducer<String, String> producer = producer(UUID.randomUUID().toString(), 60_000)) {
            producer.initTransactions();
            producer.beginTransaction();
            send(producer, topic, 20_000, PARTITIONS, "x".repeat(200));
            producer.commitTransaction();
            producer.beginTransaction();
            send(producer, topic, 20_000, PARTITIONS, "y".repeat(200));
            producer.flush();
            producer.abortTransaction();
            System.out.println("large: " + countsOnceEnded(topic, PARTITIONS));
        }
    }

    static void fencing() throws Exception {
        String topic = newTopic(1);
        String id = UUID.randomUUID().toString();
        try (KafkaProducer<String, String> zombie = producer(id, 60_000); KafkaProducer<String, String> heir = producer(id, 60_000)) {
            zombie.initTransactions();
            zombie.beginTransaction();
            send(zombie, topic, 2, 1, "zombie");
            zombie.flush();
            heir.initTransactions();
            System.out.println("fenced, sending: " + errorOf(() -> zombie.send(new ProducerRecord<>(topic, 0, "k", "late")).get()));
            System.out.println("fenced, committing: " + errorOf(zombie::commitTransaction));
            heir.beginTransaction();
            send(heir, topic, 3, 1, "heir");
            heir.commitTransaction();
        }
        System.out.println("fenced: " + countsOnceEnded(topic, 1));
    }

    static void timeout() throws Exception {
        String topic = newTopic(1);
        try (KafkaProducer<String, String> slow = producer(UUID.randomUUID().toString(), 500)) {
            slow.initTransactions();
            slow.beginTransaction();
            send(slow, topic, 2, 1, "slow");
            slow.flush();
            while (end(topic, "read_committed") < 3) Thread.sleep(20);
            System.out.println("timed out: " + countsOnceEnded(topic, 1));
            System.out.println("timed out, committing: " + errorOf(slow::commitTransaction));
        }
    }

    static void consumeTransformProduce() throws Exception {
        String input = newTopic(3), output = newTopic(3), group = UUID.randomUUID().toString(), id = UUID.randomUUID().toString();
        try (KafkaProducer<String, String> filler = producer(UUID.randomUUID().toString(), 60_000)) {
            filler.initTransactions();
            filler.beginTransaction();
            send(filler, input, 300, 3, "in");
            filler.commitTransaction();
        }
        int done = 0, rounds = 0;
        while (done < 300) {
            // Every other round ends like a crash: what was sent is aborted by the successor, and read again.
            boolean crash = ++rounds % 2 == 0;
            try (KafkaConsumer<String, String> consumer = consumer(group, "read_committed");
                 KafkaProducer<String, String> producer = producer(id, 60_000)) {
                producer.initTransactions();
                consumer.subscribe(List.of(input));
                List<ConsumerRecord<String, String>> records = new ArrayList<>();
                while (records.isEmpty()) consumer.poll(Duration.ofMillis(200)).forEach(records::add);
                producer.beginTransaction();
                Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
                for (ConsumerRecord<String, String> each : records) {
                    producer.send(new ProducerRecord<>(output, each.partition(), each.key(), each.value().toUpperCase()));
                    next.put(new TopicPartition(input, each.partition()), new OffsetAndMetadata(each.offset() + 1));
                }
                producer.sendOffsetsToTransaction(next, consumer.groupMetadata());
                producer.flush();
                if (crash) continue;
                producer.commitTransaction();
                done += records.size();
            }
        }
        System.out.println("transformed: " + done + " in, " + countsOnceEnded(output, 3).split(" ")[0]);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            Map<TopicPartition, OffsetAndMetadata> committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            System.out.println("offsets: " + committed.values().stream().mapToLong(OffsetAndMetadata::offset).sum());
        }
    }

    interface Action { void run() throws Exception; }

    static String errorOf(Action action) {
        try {
            action.run();
            return "none";
        } catch (ExecutionException problem) {
            return problem.getCause().getClass().getSimpleName();
        } catch (Exception problem) {
            return problem.getClass().getSimpleName();
        }
    }

    static String newTopic(int partitions) throws Exception {
        String name = "transactions-" + UUID.randomUUID();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all().get();
        }
        return name;
    }

    static KafkaProducer<String, String> producer(String id, int timeoutMs) {
        return new KafkaProducer<>(Map.of(
            "bootstrap.servers", bootstrap, "transactional.id", id, "transaction.timeout.ms", timeoutMs),
            new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(String group, String isolation) {
        return new KafkaConsumer<>(Map.of(
            "bootstrap.servers", bootstrap, "group.id", group, "isolation.level", isolation,
            "auto.offset.reset", "earliest", "enable.auto.commit", "false", "max.poll.records", "40"),
            new StringDeserializer(), new StringDeserializer());
    }

    static void send(KafkaProducer<String, String> producer, String topic, int count, int partitions, String value) {
        for (int n = 0; n < count; n++) producer.send(new ProducerRecord<>(topic, n % partitions, "k" + n, value));
    }

    static List<TopicPartition> all(String topic, int partitions) {
        return IntStream.range(0, partitions).mapToObj(n -> new TopicPartition(topic, n)).collect(Collectors.toList());
    }

    static long end(String topic, String isolation) {
        try (KafkaConsumer<String, String> consumer = consumer("none", isolation)) {
            return consumer.endOffsets(all(topic, 1)).values().iterator().next();
        }
    }

    /** How many records consumers of both kinds read once every marker has been written: a commit is answered before. */
    static String countsOnceEnded(String topic, int partitions) throws Exception {
        try (KafkaConsumer<String, String> committed = consumer("none", "read_committed"); KafkaConsumer<String, String> all = consumer("none", "read_uncommitted")) {
            while (!committed.endOffsets(all(topic, partitions)).equals(all.endOffsets(all(topic, partitions)))) Thread.sleep(20);
        }
        return counts(topic, partitions);
    }

    /** How many records consumers of both kinds read now. */
    static String counts(String topic, int partitions) {
        return count(topic, partitions, "read_committed") + " committed, " + count(topic, partitions, "read_uncommitted") + " in all";
    }

    static int count(String topic, int partitions, String isolation) {
        int count = 0;
        try (KafkaConsumer<String, String> consumer = consumer("none", isolation)) {
            List<TopicPartition> assigned = all(topic, partitions);
            consumer.assign(assigned);
            consumer.seekToBeginning(assigned);
            Map<TopicPartition, Long> ends = consumer.endOffsets(assigned);
            while (assigned.stream().anyMatch(tp -> consumer.position(tp) < ends.get(tp))) count += consumer.poll(Duration.ofMillis(200)).count();
        }
        return count;
    }
}
