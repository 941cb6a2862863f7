package kafkalite.compat;

/** No share consumer; that of 3.9 and 4.0 was an early look, with versions of the APIs that brokers have dropped. */
final class ShareConsumers {
    private ShareConsumers() {}

    static SharePolled open(Session session, Request request) {
        throw new Unsupported("kafka-clients has no share consumer for released brokers before 4.1");
    }
}
