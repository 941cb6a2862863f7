package kafkalite.compat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What the cluster consists of: {@code metadata} as a consumer asks for it, {@code describe_cluster} as an admin does. */
final class ClusterSteps {
    private static final String AUTO_CREATE = "allow.auto.create.topics";
    private static final long AUTO_CREATION_WITHIN_MS = 15_000;
    private static final long ASK_AGAIN_AFTER_MS = 100;

    private final Session session;

    ClusterSteps(Session session) {
        this.session = session;
    }

    void addTo(Steps steps) {
        steps.add("metadata", "topic allow_auto_create", this::metadata);
        steps.add("describe_cluster", "", request -> describeCluster());
        steps.add("describe_log_dirs", "", request -> Answer.of("topics", LogDirs.topics(session.admin())));
        steps.add("list_transactions", "", request -> Answer.of("transactions", Transactions.list(session.admin())));
    }

    private Map<String, Object> describeCluster() throws Exception {
        DescribeClusterResult cluster = session.admin().describeCluster();
        List<Object> brokers = new ArrayList<>();
        for (Node node : cluster.nodes().get()) {
            brokers.add(Answer.of("id", node.id(), "host", node.host(), "port", node.port()));
        }
        Node controller = cluster.controller().get();
        return Answer.of(
                "brokers", brokers,
                "cluster_id", cluster.clusterId().get(),
                "controller", controller == null ? null : controller.id());
    }

    private Map<String, Object> metadata(Request request) throws Exception {
        boolean create = request.flag("allow_auto_create", false);
        Set<String> known = ConsumerConfig.configNames();
        Options options = new Options("consumer", known).setIfKnown(AUTO_CREATE, create);
        String topic = request.text("topic");
        Map<String, Integer> topics = new TreeMap<>();
        try (KafkaConsumer<byte[], byte[]> consumer = session.consumer(options)) {
            if (topic == null) {
                consumer.listTopics().forEach((name, partitions) -> topics.put(name, partitions.size()));
            } else if (create || known.contains(AUTO_CREATE)) {
                topics.put(topic, partitions(consumer, topic, create ? AUTO_CREATION_WITHIN_MS : 0));
            } else {
                // The consumer would create the topic; an admin does not.
                topics.put(topic, DescribedTopic.of(session.admin(), topic).partitions().size());
            }
        }
        Map<String, Object> answer = describeCluster();
        answer.put("topics", topics);
        return answer;
    }

    /** A topic that is being created has no partitions yet: the consumer then returns none and leaves it to its caller to ask again. */
    private static int partitions(KafkaConsumer<byte[], byte[]> consumer, String topic, long withinMs) throws InterruptedException {
        long deadline = System.currentTimeMillis() + withinMs;
        while (true) {
            List<PartitionInfo> partitions = consumer.partitionsFor(topic);
            if (partitions != null && !partitions.isEmpty()) {
                return partitions.size();
            }
            if (System.currentTimeMillis() >= deadline) {
                throw new UnknownTopicOrPartitionException("no partitions of " + topic);
            }
            Thread.sleep(ASK_AGAIN_AFTER_MS);
        }
    }
}
