package kafkalite.compat;

import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/** Values of an answer. */
final class Answer {
    static final Map<String, Object> DONE = Map.of();

    private Answer() {}

    /** An object of names and values in turn; values may be null. */
    static Map<String, Object> of(Object... namesAndValues) {
        Map<String, Object> object = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            object.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return object;
    }

    static String base64(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }

    /** Null for the negative numbers by which Kafka says that there is none. */
    static Long unlessNegative(long value) {
        return value < 0 ? null : value;
    }
}
