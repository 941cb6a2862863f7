package kafkalite.compat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.File;
import java.io.IOException;
import java.io.Writer;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/** A standalone worker: a process that runs Kafka's own main class, asked over its REST API how it does. */
final class Worker {
    private static final String MAIN_CLASS = "org.apache.kafka.connect.cli.ConnectStandalone";
    private static final String CONVERTER = "org.apache.kafka.connect.storage.StringConverter";
    private static final String LOG_LEVEL = "org.slf4j.simpleLogger.defaultLogLevel";
    private static final long RUNNING_WITHIN_MS = 55_000;
    private static final long LOOK_AGAIN_AFTER_MS = 50;
    private static final long STOP_WITHIN_S = 30;

    private final HttpClient http = HttpClient.newHttpClient();
    private final Process process;
    private final int port;
    private final List<String> connectors;
    private final List<Path> files;

    private Worker(Process process, int port, List<String> connectors, List<Path> files) {
        this.process = process;
        this.port = port;
        this.connectors = connectors;
        this.files = files;
    }

    /** {@code connectors}: objects of {@code name} and {@code configs}. */
    static Worker start(String bootstrap, String offsetsFile, List<Request> connectors) throws IOException {
        int port = freePort();
        List<String> command = new ArrayList<>(List.of(
                "java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                "-D" + LOG_LEVEL + "=" + System.getProperty(LOG_LEVEL, "warn"),
                "-cp", System.getProperty("java.class.path"), MAIN_CLASS));
        List<Path> files = new ArrayList<>();
        files.add(propertiesFile(Map.of(
                "bootstrap.servers", bootstrap,
                "listeners", "http://127.0.0.1:" + port,
                "key.converter", CONVERTER,
                "value.converter", CONVERTER,
                "offset.storage.file.filename", offsetsFile,
                "offset.flush.interval.ms", "1000",
                // Since 3.6: ask the jars for their plugins instead of reading every class.
                "plugin.discovery", "service_load")));
        List<String> names = new ArrayList<>();
        for (Request connector : connectors) {
            Map<String, String> configs = connector.table("configs");
            configs.put("name", connector.text("name"));
            files.add(propertiesFile(configs));
            names.add(connector.text("name"));
        }
        files.forEach(file -> command.add(file.toString()));
        // All that it prints is the library's talk, none of it the driver's answers.
        var talk = ProcessBuilder.Redirect.appendTo(new File("/dev/stderr"));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(talk).start();
        return new Worker(process, port, names, files);
    }

    void awaitRunning() throws Exception {
        long deadline = System.currentTimeMillis() + RUNNING_WITHIN_MS;
        for (String connector : connectors) {
            while (!isRunning(connector)) {
                if (!process.isAlive()) {
                    throw new IllegalStateException("the worker ended with " + process.exitValue());
                }
                if (System.currentTimeMillis() > deadline) {
                    throw new IllegalStateException("the tasks of " + connector + " do not run");
                }
                Thread.sleep(LOOK_AGAIN_AFTER_MS);
            }
        }
    }

    /** Whether the connector and all its tasks run. Throws when one has failed. */
    private boolean isRunning(String connector) throws Exception {
        JsonObject status = status(connector);
        if (status == null || status.getAsJsonArray("tasks").isEmpty()) {
            return false;
        }
        boolean running = runs(status.getAsJsonObject("connector"));
        for (JsonElement task : status.getAsJsonArray("tasks")) {
            running &= runs(task.getAsJsonObject());
        }
        return running;
    }

    private static boolean runs(JsonObject part) {
        String state = part.get("state").getAsString();
        if (state.equals("FAILED")) {
            throw new IllegalStateException(part.has("trace") ? part.get("trace").getAsString() : part.toString());
        }
        return state.equals("RUNNING");
    }

    /** Null when the worker does not listen yet, or does not know the connector yet. */
    private JsonObject status(String connector) throws IOException, InterruptedException {
        URI address = URI.create("http://127.0.0.1:" + port + "/connectors/" + connector + "/status");
        try {
            var answer = http.send(HttpRequest.newBuilder(address).build(), HttpResponse.BodyHandlers.ofString());
            return answer.statusCode() == 200 ? JsonParser.parseString(answer.body()).getAsJsonObject() : null;
        } catch (ConnectException early) {
            return null;
        }
    }

    /** Lets the tasks commit what they have done. */
    void stop() throws InterruptedException {
        deleteFiles();
        process.destroy();
        if (!process.waitFor(STOP_WITHIN_S, TimeUnit.SECONDS)) {
            kill();
            throw new IllegalStateException("the worker did not stop within " + STOP_WITHIN_S + " s");
        }
    }

    void kill() {
        deleteFiles();
        process.destroyForcibly();
    }

    /** The worker has read its properties when it started. */
    private void deleteFiles() {
        files.forEach(file -> file.toFile().delete());
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static Path propertiesFile(Map<String, String> values) throws IOException {
        Path file = Files.createTempFile("connect", ".properties");
        Properties properties = new Properties();
        properties.putAll(values);
        try (Writer out = Files.newBufferedWriter(file)) {
            properties.store(out, null);
        }
        return file;
    }
}
