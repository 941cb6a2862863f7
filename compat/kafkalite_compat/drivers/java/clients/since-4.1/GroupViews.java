package kafkalite.compat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ShareGroupDescription;
import org.apache.kafka.clients.admin.ShareMemberDescription;
import org.apache.kafka.common.errors.GroupIdNotFoundException;

/** Groups of all types, as an admin sees them (KIP-1043, in 4.0; share groups in 4.1). */
final class GroupViews {
    private GroupViews() {}

    static List<Object> list(AdminClient admin) throws Exception {
        List<Object> groups = new ArrayList<>();
        for (GroupListing one : admin.listGroups().all().get()) {
            groups.add(Answer.of(
                    "group", one.groupId(),
                    "state", one.groupState().map(Object::toString).orElse(null),
                    "type", one.type().map(Object::toString).orElse(null)));
        }
        return groups;
    }

    static Map<String, Object> describe(AdminClient admin, String group) throws Exception {
        try {
            ConsumerGroupDescription found =
                    admin.describeConsumerGroups(Set.of(group)).describedGroups().get(group).get();
            return GroupMembers.told(found, found.groupState().toString());
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof GroupIdNotFoundException && isShareGroup(admin, group)) {
                return share(admin.describeShareGroups(Set.of(group)).describedGroups().get(group).get());
            }
            throw failed;
        }
    }

    private static boolean isShareGroup(AdminClient admin, String group) throws Exception {
        for (GroupListing one : admin.listGroups().all().get()) {
            if (one.groupId().equals(group)) {
                return one.type().map(Object::toString).orElse("").equals("Share");
            }
        }
        return false;
    }

    private static Map<String, Object> share(ShareGroupDescription group) {
        List<Object> members = new ArrayList<>();
        for (ShareMemberDescription member : group.members()) {
            members.add(Answer.of(
                    "member_id", member.consumerId(),
                    "instance_id", null,
                    "client_id", member.clientId(),
                    "partitions", Partitions.told(member.assignment().topicPartitions())));
        }
        return Answer.of("state", group.groupState().toString(), "members", members, "assignor", null);
    }
}
