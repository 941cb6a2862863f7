package kafkalite.compat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;

/** Administration of topics. */
final class TopicSteps {
    private final Session session;

    TopicSteps(Session session) {
        this.session = session;
    }

    void addTo(Steps steps) {
        steps.add("create_topic", "topic partitions replication configs validate_only", this::create);
        steps.add("delete_topic", "topic", this::delete);
        steps.add("list_topics", "", request -> list());
        steps.add("describe_topic", "topic", this::describe);
        steps.add("create_partitions", "topic total", this::createPartitions);
        steps.add("delete_records", "topic partition before", this::deleteRecords);
    }

    private Map<String, Object> create(Request request) throws Exception {
        short replication = (short) request.number("replication", 1);
        var topic = new NewTopic(request.text("topic"), request.integer("partitions"), replication)
                .configs(request.table("configs"));
        var options = new CreateTopicsOptions().validateOnly(request.flag("validate_only", false));
        session.admin().createTopics(Set.of(topic), options).all().get();
        return Answer.DONE;
    }

    private Map<String, Object> delete(Request request) throws Exception {
        session.admin().deleteTopics(Set.of(request.text("topic"))).all().get();
        return Answer.DONE;
    }

    private Map<String, Object> list() throws Exception {
        var options = new ListTopicsOptions().listInternal(true);
        return Answer.of("topics", session.admin().listTopics(options).names().get());
    }

    private Map<String, Object> describe(Request request) throws Exception {
        TopicDescription topic = DescribedTopic.of(session.admin(), request.text("topic"));
        List<Object> partitions = new ArrayList<>();
        for (TopicPartitionInfo one : topic.partitions()) {
            partitions.add(Answer.of(
                    "partition", one.partition(),
                    "leader", one.leader() == null ? null : one.leader().id(),
                    "replicas", ids(one.replicas()),
                    "isr", ids(one.isr())));
        }
        return Answer.of("partitions", partitions, "topic_id", Library.toldText(topic, "topicId"));
    }

    private static List<Integer> ids(List<Node> nodes) {
        return nodes.stream().map(Node::id).toList();
    }

    private Map<String, Object> createPartitions(Request request) throws Exception {
        var total = NewPartitions.increaseTo(request.integer("total"));
        session.admin().createPartitions(Map.of(request.text("topic"), total)).all().get();
        return Answer.DONE;
    }

    private Map<String, Object> deleteRecords(Request request) throws Exception {
        TopicPartition partition = Partitions.of(request);
        var before = RecordsToDelete.beforeOffset(request.number("before"));
        var deleted = session.admin().deleteRecords(Map.of(partition, before)).lowWatermarks();
        return Answer.of("low_watermark", deleted.get(partition).get().lowWatermark());
    }
}
