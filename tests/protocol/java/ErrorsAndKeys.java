// Prints every error code (number, name, whether it may be retried) and every API key of Kafka.

import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

public class ErrorsAndKeys {
    public static void main(String[] args) {
        for (Errors error : Errors.values()) {
            boolean retriable = error.exception() instanceof RetriableException;
            System.out.println("error " + error.code() + " " + error.name() + " " + retriable);
        }
        for (ApiKeys key : ApiKeys.values()) {
            System.out.println("key " + key.id + " " + key.name());
        }
    }
}
