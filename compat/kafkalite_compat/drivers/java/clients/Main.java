package kafkalite.compat;

import java.util.Map;

/** The driver of kafka-clients: every step but those of the applications. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        Steps steps = new Steps("kafka-clients has no such thing");
        Session session = new Session();
        steps.add("start", "bootstrap", request -> start(session, request));
        Consumers consumers = new Consumers(session);
        consumers.addTo(steps);
        new Producers(session, consumers).addTo(steps);
        new ClusterSteps(session).addTo(steps);
        new TopicSteps(session).addTo(steps);
        new ConfigSteps(session).addTo(steps);
        new GroupSteps(session).addTo(steps);
        new AclSteps(session).addTo(steps);
        steps.serve(() -> {});
    }

    private static Map<String, Object> start(Session session, Request request) {
        session.use(request.text("bootstrap"));
        return Library.about("kafka-clients");
    }
}
