package kafkalite.compat;

import java.util.Set;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.TopicDescription;

/** One topic's description; results can be had by name or by topic id (3.1). */
final class DescribedTopic {
    private DescribedTopic() {}

    static TopicDescription of(AdminClient admin, String topic) throws Exception {
        return admin.describeTopics(Set.of(topic)).topicNameValues().get(topic).get();
    }
}
