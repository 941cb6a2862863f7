package kafkalite.compat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberDescription;

/** A group's description as {@code describe_group} answers it. */
final class GroupMembers {
    private GroupMembers() {}

    static Map<String, Object> told(ConsumerGroupDescription group, String state) {
        List<Object> members = new ArrayList<>();
        for (MemberDescription member : group.members()) {
            members.add(Answer.of(
                    "member_id", member.consumerId(),
                    "instance_id", Library.told(member, "groupInstanceId"),
                    "client_id", member.clientId(),
                    "partitions", Partitions.told(member.assignment().topicPartitions())));
        }
        return Answer.of("state", state, "members", members, "assignor", group.partitionAssignor());
    }
}
