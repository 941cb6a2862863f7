package kafkalite.compat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/** The library under test, in whatever version is on the class path. */
final class Library {
    private Library() {}

    /** What {@code start} answers. */
    static Map<String, Object> about(String client) {
        return Answer.of(
                "client", client,
                "version", version(),
                "runtime", "Java " + System.getProperty("java.version"));
    }

    /** As kafka-clients has it in itself. */
    private static String version() {
        Properties told = new Properties();
        try (InputStream file = Library.class.getResourceAsStream("/kafka/kafka-version.properties")) {
            told.load(file);
        } catch (IOException broken) {
            throw new AssertionError(broken);
        }
        return told.getProperty("version");
    }

    /** What a getter that only newer versions have returns, Optionals opened; null where it is not there. */
    static Object told(Object object, String getter) {
        try {
            Method method = object.getClass().getMethod(getter);
            Object value = method.invoke(object);
            return value instanceof Optional<?> optional ? optional.orElse(null) : value;
        } catch (NoSuchMethodException older) {
            return null;
        } catch (ReflectiveOperationException broken) {
            throw new AssertionError(broken);
        }
    }

    /** As {@link #told}, as text. */
    static String toldText(Object object, String getter) {
        Object value = told(object, getter);
        return value == null ? null : value.toString();
    }
}
