import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;

/**
 * Kafka's own record classes behind lines of text. A question is one line, and so is its answer.
 *
 * read HEX              -> the records of all batches in those bytes, after checking them
 * write CODEC RECORDS   -> one batch in hex
 * marker HEX            -> type and coordinator epoch of the marker in the batch
 *
 * RECORDS are separated by spaces: offset,timestamp,key,value,name=value;name=value
 * with keys, values and names in hex, and - for null. Writing, offsets count from 0.
 */
public class RecordBatches {
    static final HexFormat HEX = HexFormat.of();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null; ) {
            String answer;
            try {
                answer = answer(line.split(" "));
            } catch (Exception e) {
                answer = "error " + e;
            }
            out.println(answer.replace('\n', ' '));
        }
    }

    static String answer(String[] words) {
        switch (words[0]) {
            case "read":
                return read(HEX.parseHex(words[1]));
            case "write":
                return write(words);
            case "marker":
                return marker(HEX.parseHex(words[1]));
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    static String read(byte[] bytes) {
        List<String> records = new ArrayList<>();
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches()) {
            batch.ensureValid();
            for (Record record : batch) {
                record.ensureValid();
                records.add(show(record));
            }
        }
        return String.join(" ", records);
    }

    static String write(String[] words) {
        SimpleRecord[] records = new SimpleRecord[words.length - 2];
        for (int i = 0; i < records.length; i++)
            records[i] = parse(words[i + 2]);
        Compression codec = Compression.of(CompressionType.forName(words[1])).build();
        ByteBuffer buffer = MemoryRecords.withRecords(codec, records).buffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return HEX.formatHex(bytes);
    }

    static String marker(byte[] bytes) {
        RecordBatch batch = MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).firstBatch();
        batch.ensureValid();
        EndTransactionMarker marker = EndTransactionMarker.deserialize(batch.iterator().next());
        return marker.controlType() + " " + marker.coordinatorEpoch();
    }

    static String show(Record record) {
        List<String> headers = new ArrayList<>();
        for (Header header : record.headers())
            headers.add(HEX.formatHex(header.key().getBytes(StandardCharsets.UTF_8)) + "="
                    + hex(header.value() == null ? null : ByteBuffer.wrap(header.value())));
        return record.offset() + "," + record.timestamp() + "," + hex(record.key()) + "," + hex(record.value())
                + "," + String.join(";", headers);
    }

    static SimpleRecord parse(String text) {
        String[] fields = text.split(",", -1);
        List<Header> headers = new ArrayList<>();
        for (String header : fields[4].isEmpty() ? new String[0] : fields[4].split(";", -1)) {
            String[] pair = header.split("=", -1);
            headers.add(new RecordHeader(new String(bytes(pair[0]), StandardCharsets.UTF_8), bytes(pair[1])));
        }
        return new SimpleRecord(
                Long.parseLong(fields[1]), bytes(fields[2]), bytes(fields[3]), headers.toArray(new Header[0]));
    }

    static String hex(ByteBuffer buffer) {
        if (buffer == null)
            return "-";
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return HEX.formatHex(bytes);
    }

    static byte[] bytes(String hex) {
        return hex.equals("-") ? null : HEX.parseHex(hex);
    }
}
