package kafkalite.compat;

/** The driver of Kafka Connect: it runs standalone workers, and nothing else. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        Steps steps = new Steps("Kafka Connect runs workers; it has no such step");
        Workers workers = new Workers();
        steps.add("start", "bootstrap", request -> {
            workers.use(request.text("bootstrap"));
            return Library.about("kafka-connect");
        });
        workers.addTo(steps);
        steps.serve(workers::killAll);
    }
}
