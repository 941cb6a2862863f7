package kafkalite.compat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Administration of groups. */
final class GroupSteps {
    private final Session session;

    GroupSteps(Session session) {
        this.session = session;
    }

    void addTo(Steps steps) {
        steps.add("list_groups", "", request -> Answer.of("groups", GroupViews.list(session.admin())));
        steps.add("describe_group", "group", request -> GroupViews.describe(session.admin(), request.text("group")));
        steps.add("delete_group", "group", this::delete);
        steps.add("group_offsets", "group", this::offsets);
        steps.add("alter_group_offsets", "group offsets", request -> {
            GroupOffsets.alter(session.admin(), request.text("group"), Partitions.offsets(request));
            return Answer.DONE;
        });
        steps.add("delete_group_offsets", "group partitions", request -> {
            GroupOffsets.delete(session.admin(), request.text("group"), Partitions.listed(request, "partitions"));
            return Answer.DONE;
        });
    }

    private Map<String, Object> delete(Request request) throws Exception {
        String group = request.text("group");
        session.admin().deleteConsumerGroups(Set.of(group)).deletedGroups().get(group).get();
        return Answer.DONE;
    }

    private Map<String, Object> offsets(Request request) throws Exception {
        List<Object> offsets = new ArrayList<>();
        session.admin()
                .listConsumerGroupOffsets(request.text("group"))
                .partitionsToOffsetAndMetadata()
                .get()
                .forEach((partition, offset) -> offsets.add(Partitions.told(partition, offset)));
        return Answer.of("offsets", offsets);
    }
}
