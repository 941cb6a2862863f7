package kafkalite.compat;

import java.util.Set;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.TopicDescription;

/** One topic's description; names are all there is. */
final class DescribedTopic {
    private DescribedTopic() {}

    static TopicDescription of(AdminClient admin, String topic) throws Exception {
        return admin.describeTopics(Set.of(topic)).values().get(topic).get();
    }
}
