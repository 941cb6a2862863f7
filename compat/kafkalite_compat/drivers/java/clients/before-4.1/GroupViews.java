package kafkalite.compat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ConsumerGroupListing;

/** Groups of consumers; state and type were added to the listing in 2.6 and 3.8. */
final class GroupViews {
    private GroupViews() {}

    static List<Object> list(AdminClient admin) throws Exception {
        List<Object> groups = new ArrayList<>();
        for (ConsumerGroupListing one : admin.listConsumerGroups().all().get()) {
            groups.add(Answer.of(
                    "group", one.groupId(),
                    "state", Library.toldText(one, "state"),
                    "type", Library.toldText(one, "type")));
        }
        return groups;
    }

    static Map<String, Object> describe(AdminClient admin, String group) throws Exception {
        ConsumerGroupDescription found =
                admin.describeConsumerGroups(Set.of(group)).describedGroups().get(group).get();
        return GroupMembers.told(found, found.state().toString());
    }
}
