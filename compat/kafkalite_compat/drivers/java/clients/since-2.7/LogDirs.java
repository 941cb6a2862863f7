package kafkalite.compat;

import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.common.Node;

/** What the brokers keep in their log directories. */
final class LogDirs {
    private LogDirs() {}

    static Set<String> topics(AdminClient admin) throws Exception {
        var brokers = admin.describeCluster().nodes().get().stream().map(Node::id).toList();
        Set<String> topics = new TreeSet<>();
        for (var broker : admin.describeLogDirs(brokers).allDescriptions().get().values()) {
            for (LogDirDescription folder : broker.values()) {
                folder.replicaInfos().keySet().forEach(partition -> topics.add(partition.topic()));
            }
        }
        return topics;
    }
}
