package kafkalite.compat;

/** The driver of Kafka Streams: it runs applications, and nothing else. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        Steps steps = new Steps("Kafka Streams runs applications; it has no such step");
        Applications applications = new Applications();
        steps.add("start", "bootstrap", request -> {
            applications.use(request.text("bootstrap"));
            return Library.about("kafka-streams");
        });
        applications.addTo(steps);
        steps.serve(() -> {});
    }
}
