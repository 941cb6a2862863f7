import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.GroupAssignment;
import org.apache.kafka.coordinator.group.api.assignor.PartitionAssignor;
import org.apache.kafka.coordinator.group.api.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.RangeAssignor;
import org.apache.kafka.coordinator.group.assignor.SimpleAssignor;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;
import org.apache.kafka.coordinator.group.modern.Assignment;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;

/**
 * Kafka's assignors and regular expressions, asked line by line; fields are separated by tabs.
 *
 *   regex EXPRESSION NAME...                    -> "bad", or one 0 or 1 for each name
 *   assign NAME COUNT,COUNT... MEMBER...        -> MEMBER=TOPIC:PARTITION+PARTITION,... for each member
 *
 * MEMBER is ID|INSTANCE or nothing|TOPIC,TOPIC...|TOPIC:PARTITION+PARTITION,... with topics by their place in the counts.
 */
public class GroupClasses {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        String line;
        while ((line = in.readLine()) != null) {
            String[] fields = line.split("\t", -1);
            out.println(fields[0].equals("regex") ? regex(fields) : assign(fields));
        }
        out.flush();
    }

    static String regex(String[] fields) {
        Pattern pattern;
        try {
            pattern = Pattern.compile(fields[1]);
        } catch (PatternSyntaxException e) {
            return "bad";
        }
        StringBuilder answer = new StringBuilder();
        for (int i = 2; i < fields.length; i++) answer.append(pattern.matcher(fields[i]).matches() ? 1 : 0);
        return answer.toString();
    }

    static Uuid topic(String index) {
        return new Uuid(1L, Long.parseLong(index));
    }

    static Map<Uuid, Set<Integer>> partitions(String text) {
        Map<Uuid, Set<Integer>> found = new HashMap<>();
        if (text.isEmpty()) return found;
        for (String each : text.split(",")) {
            Set<Integer> numbers = new TreeSet<>();
            for (String number : each.split(":")[1].split("\\+")) numbers.add(Integer.parseInt(number));
            found.put(topic(each.split(":")[0]), numbers);
        }
        return found;
    }

    static String assign(String[] fields) throws Exception {
        PartitionAssignor assignor = switch (fields[1]) {
            case "range" -> new RangeAssignor();
            case "simple" -> new SimpleAssignor();
            default -> new UniformAssignor();
        };
        String[] counts = fields[2].split(",");
        Map<String, MemberSubscriptionAndAssignmentImpl> members = new HashMap<>();
        Map<Uuid, Map<Integer, String>> owners = new HashMap<>();
        Set<Set<Uuid>> subscriptions = new java.util.HashSet<>();
        for (int i = 3; i < fields.length; i++) {
            String[] member = fields[i].split("\\|", -1);
            Set<Uuid> topics = new TreeSet<>();
            if (!member[2].isEmpty()) for (String each : member[2].split(",")) topics.add(topic(each));
            subscriptions.add(topics);
            Map<Uuid, Set<Integer>> assigned = partitions(member[3]);
            assigned.forEach((id, numbers) -> numbers.forEach(number ->
                owners.computeIfAbsent(id, ignored -> new HashMap<>()).put(number, member[0])));
            members.put(member[0], new MemberSubscriptionAndAssignmentImpl(Optional.empty(),
                member[1].isEmpty() ? Optional.empty() : Optional.of(member[1]), topics,
                new Assignment(Collections.unmodifiableMap(assigned))));
        }
        SubscribedTopicDescriber describer = new SubscribedTopicDescriber() {
            @Override public int numPartitions(Uuid id) {
                return Integer.parseInt(counts[(int) id.getLeastSignificantBits()]);
            }
            @Override public Set<String> racksForPartition(Uuid id, int partition) {
                return Set.of();
            }
        };
        SubscriptionType type = subscriptions.size() == 1 ? SubscriptionType.HOMOGENEOUS : SubscriptionType.HETEROGENEOUS;
        GroupAssignment answer = assignor.assign(new GroupSpecImpl(members, type, owners), describer);
        List<String> out = new ArrayList<>();
        answer.members().forEach((id, assignment) -> {
            Map<Long, String> topics = new TreeMap<>();
            assignment.partitions().forEach((topicId, numbers) -> {
                List<String> texts = new ArrayList<>();
                for (int number : new TreeSet<>(numbers)) texts.add(String.valueOf(number));
                if (!texts.isEmpty()) topics.put(topicId.getLeastSignificantBits(), String.join("+", texts));
            });
            List<String> parts = new ArrayList<>();
            topics.forEach((index, text) -> parts.add(index + ":" + text));
            out.add(id + "=" + String.join(",", parts));
        });
        return String.join("\t", out);
    }
}
