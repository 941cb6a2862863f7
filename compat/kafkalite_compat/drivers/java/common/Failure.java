package kafkalite.compat;

import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownServerException;
import org.apache.kafka.common.protocol.Errors;

/** What a step's exception is to the suite. */
final class Failure {
    private Failure() {}

    /** {@code code}, {@code name}, {@code text}: of the first exception in the chain of causes that stands for one of Kafka's errors. */
    static Map<String, Object> of(Throwable thrown) {
        Throwable outermost = thrown instanceof ExecutionException ? thrown.getCause() : thrown;
        String message = outermost.getMessage();
        String text = message == null || message.isEmpty() ? outermost.toString() : message;
        for (Throwable one = outermost; one != null; one = one.getCause()) {
            Errors error = kafkaError(one);
            if (error != null) {
                String cause = one == outermost ? "" : ": " + one.getMessage();
                return Answer.of("code", error.code(), "name", error.name(), "text", text + cause);
            }
        }
        return Answer.of("code", null, "name", outermost.getClass().getSimpleName(), "text", text);
    }

    /** A TimeoutException is the client's own: it gave up waiting, and no broker said REQUEST_TIMED_OUT. */
    private static Errors kafkaError(Throwable thrown) {
        if (thrown instanceof OffsetOutOfRangeException) {
            return Errors.OFFSET_OUT_OF_RANGE;
        }
        if (!(thrown instanceof KafkaException) || thrown instanceof TimeoutException) {
            return null;
        }
        Errors error = Errors.forException(thrown);
        boolean said = error != Errors.UNKNOWN_SERVER_ERROR || thrown instanceof UnknownServerException;
        return said ? error : unexpected(String.valueOf(thrown.getMessage()));
    }

    /** An answer's error that the client did not reckon with: "Unexpected error in InitProducerIdResponse; " and Kafka's words for it. */
    private static Errors unexpected(String text) {
        int words = text.indexOf("; ") + 2;
        if (!text.startsWith("Unexpected error in ")) {
            return null;
        }
        for (Errors error : Errors.values()) {
            if (error != Errors.NONE && text.substring(words).equals(error.message())) {
                return error;
            }
        }
        return null;
    }
}
