// Kafka's own message classes as a filter, one line in, one line out:
//
//     write <Class> <version> <JSON>   ->  hex of the message as Kafka writes it
//     read  <Class> <version> <hex>    ->  JSON of the message as Kafka reads it
//
// The words are separated by tabs. JSON is what Kafka's XxxJsonConverter classes speak. A line that
// fails is answered with "error" and the exception. Reading fails too when bytes are left over, or when
// Kafka would write the message it has read in any other way: JSON alone would not tell, because the
// converters replace records by nothing.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.Readable;

public class MessageCodec {
    private static final String[] PACKAGES = {
        "org.apache.kafka.common.message.",
        "org.apache.kafka.common.metadata.",
        "org.apache.kafka.coordinator.group.generated.",
        "org.apache.kafka.coordinator.share.generated.",
        "org.apache.kafka.coordinator.transaction.generated.",
        "org.apache.kafka.raft.generated.",
        "org.apache.kafka.server.log.remote.metadata.storage.generated.",
    };
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private record Codec(Class<?> type, Method fromJson, Method toJson) {}

    private static final Map<String, Codec> CODECS = new HashMap<>();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer;
            try {
                answer = answer(line.split("\t", 4));
            } catch (Throwable e) {
                Throwable cause = e.getCause() == null ? e : e.getCause();
                answer = "error " + cause.toString().replace('\n', ' ');
            }
            out.println(answer);
        }
        out.flush();
    }

    private static String answer(String[] words) throws Exception {
        Codec codec = codec(words[1]);
        short version = Short.parseShort(words[2]);
        if (words[0].equals("write")) {
            Message message = (Message) codec.fromJson.invoke(null, MAPPER.readTree(words[3]), version);
            return HexFormat.of().formatHex(write(message, version));
        }
        byte[] given = HexFormat.of().parseHex(words[3]);
        ByteBufferAccessor bytes = new ByteBufferAccessor(ByteBuffer.wrap(given));
        Object message = codec.type.getConstructor(Readable.class, short.class).newInstance(bytes, version);
        if (bytes.remaining() > 0) {
            return "error " + bytes.remaining() + " bytes left over";
        }
        if (!Arrays.equals(given, write((Message) message, version))) {
            return "error written again the bytes differ";
        }
        return MAPPER.writeValueAsString(codec.toJson.invoke(null, message, version));
    }

    private static byte[] write(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBufferAccessor bytes = new ByteBufferAccessor(ByteBuffer.allocate(message.size(cache, version)));
        message.write(bytes, cache, version);
        if (bytes.remaining() > 0) {
            throw new IllegalStateException("size() and write() disagree");
        }
        return bytes.buffer().array();
    }

    private static Codec codec(String name) throws Exception {
        Codec known = CODECS.get(name);
        if (known == null) {
            Class<?> type = find(name);
            Class<?> json = Class.forName(type.getName() + "JsonConverter");
            known = new Codec(
                type,
                json.getMethod("read", JsonNode.class, short.class),
                json.getMethod("write", type, short.class));
            CODECS.put(name, known);
        }
        return known;
    }

    private static Class<?> find(String name) throws ClassNotFoundException {
        for (String prefix : PACKAGES) {
            for (String suffix : new String[] {"", "Data"}) {
                try {
                    Class<?> type = Class.forName(prefix + name + suffix);
                    Class.forName(type.getName() + "JsonConverter");
                    return type;
                } catch (ClassNotFoundException e) {
                    // not in this package
                }
            }
        }
        throw new ClassNotFoundException(name);
    }
}
