import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.coordinator.group.streams.assignor.AssignmentMemberSpec;
import org.apache.kafka.coordinator.group.streams.assignor.GroupSpecImpl;
import org.apache.kafka.coordinator.group.streams.assignor.MemberAssignment;
import org.apache.kafka.coordinator.group.streams.assignor.StickyTaskAssignor;
import org.apache.kafka.coordinator.group.streams.assignor.TopologyDescriber;

/**
 * Asks Kafka's sticky assignor. One question a line, one answer a line; fields are separated by tabs, tasks by spaces:
 *
 *   replicas | subtopology:tasks:stateful,... | member process active standby | member ... -> member active standby | ...
 *
 * Tasks are `subtopology_partition`, `-` when there are none.
 */
public class StreamsAssignors {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(answer(line.split("\t")));
        }
    }

    private static String answer(String[] fields) {
        Map<String, int[]> topology = new TreeMap<>();
        for (String each : fields[1].split(",")) {
            String[] parts = each.split(":");
            topology.put(parts[0], new int[] {Integer.parseInt(parts[1]), Integer.parseInt(parts[2])});
        }
        Map<String, AssignmentMemberSpec> members = new LinkedHashMap<>();
        for (int i = 2; i + 3 < fields.length; i += 4) {
            members.put(fields[i], new AssignmentMemberSpec(
                Optional.empty(), Optional.empty(), tasks(fields[i + 2]), tasks(fields[i + 3]), Map.of(),
                fields[i + 1], Map.of(), Map.of(), Map.of()));
        }
        GroupSpecImpl group = new GroupSpecImpl(members, Map.of("num.standby.replicas", fields[0]));
        Map<String, MemberAssignment> assigned = new TreeMap<>(
            new StickyTaskAssignor().assign(group, new Topology(topology)).members());
        StringBuilder out = new StringBuilder();
        assigned.forEach((member, assignment) -> out.append(out.isEmpty() ? "" : "\t")
            .append(member).append("\t").append(text(assignment.activeTasks()))
            .append("\t").append(text(assignment.standbyTasks())));
        return out.toString();
    }

    private static Map<String, Set<Integer>> tasks(String text) {
        Map<String, Set<Integer>> tasks = new HashMap<>();
        for (String each : text.equals("-") ? new String[0] : text.split(" ")) {
            String[] parts = each.split("_");
            tasks.computeIfAbsent(parts[0], key -> new TreeSet<>()).add(Integer.parseInt(parts[1]));
        }
        return tasks;
    }

    private static String text(Map<String, Set<Integer>> tasks) {
        StringBuilder out = new StringBuilder();
        new TreeMap<>(tasks).forEach((subtopology, partitions) -> new TreeSet<>(partitions).forEach(
            partition -> out.append(out.isEmpty() ? "" : " ").append(subtopology).append("_").append(partition)));
        return out.isEmpty() ? "-" : out.toString();
    }

    private record Topology(Map<String, int[]> subtopologies_) implements TopologyDescriber {
        public List<String> subtopologies() {
            return List.copyOf(subtopologies_.keySet());
        }

        public int maxNumInputPartitions(String subtopologyId) throws NoSuchElementException {
            return subtopologies_.get(subtopologyId)[0];
        }

        public boolean isStateful(String subtopologyId) {
            return subtopologies_.get(subtopologyId)[1] != 0;
        }
    }
}
