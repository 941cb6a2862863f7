package kafkalite.compat;

import java.util.HashMap;
import java.util.Map;

/** The steps of workers, by the suite's names of them. */
final class Workers {
    private final Map<String, Worker> workers = new HashMap<>();
    private String bootstrap;

    void use(String address) {
        bootstrap = address;
    }

    void addTo(Steps steps) {
        steps.add("start_connect", "worker offsets_file connectors", this::start);
        steps.add("stop_connect", "worker", this::stop);
    }

    void killAll() {
        workers.values().forEach(Worker::kill);
    }

    private Map<String, Object> start(Request request) throws Exception {
        Worker worker = Worker.start(bootstrap, request.text("offsets_file"), request.objects("connectors"));
        workers.put(request.text("worker"), worker);
        worker.awaitRunning();
        return Answer.DONE;
    }

    private Map<String, Object> stop(Request request) throws Exception {
        Opened.in(workers, request.text("worker")).stop();
        workers.remove(request.text("worker"));
        return Answer.DONE;
    }
}
