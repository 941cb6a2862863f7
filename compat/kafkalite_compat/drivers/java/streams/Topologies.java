package kafkalite.compat;

import java.util.Arrays;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;

/** What the applications do; all keys and values are text. */
final class Topologies {
    private static final Serde<String> TEXT = Serdes.String();

    private Topologies() {}

    static Topology of(Request request) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, String> input = builder.stream(request.text("input"), Consumed.with(TEXT, TEXT));
        KStream<String, String> output = switch (request.text("topology")) {
            case "word-count" -> wordCount(input);
            case "upper-case" -> input.mapValues(value -> value.toUpperCase());
            case "table-join" -> join(builder, input, request.text("table"));
            default -> throw new IllegalArgumentException("no topology " + request.text("topology"));
        };
        output.to(request.text("output"), Produced.with(TEXT, TEXT));
        return builder.build();
    }

    private static KStream<String, String> wordCount(KStream<String, String> lines) {
        return lines.flatMapValues(line -> Arrays.asList(line.split("\\s+")))
                .groupBy((key, word) -> word, Grouped.with(TEXT, TEXT))
                .count()
                .toStream()
                .mapValues(count -> count.toString());
    }

    private static KStream<String, String> join(StreamsBuilder builder, KStream<String, String> left, String table) {
        return left.join(
                builder.table(table, Consumed.with(TEXT, TEXT)),
                (one, other) -> one + "," + other,
                Joined.with(TEXT, TEXT, TEXT));
    }
}
