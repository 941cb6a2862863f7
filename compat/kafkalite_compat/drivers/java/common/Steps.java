package kafkalite.compat;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** The steps that a driver can carry out, and the loop that does: a JSON object per line in, one per line out. */
final class Steps {
    /** Carries out a step and returns its result. */
    interface Step {
        Map<String, Object> run(Request request) throws Exception;
    }

    private final Map<String, Step> steps = new HashMap<>();
    private final Gson gson = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
    private final String unknown;

    /** {@code unknown} says why an op that was not added cannot be done. */
    Steps(String unknown) {
        this.unknown = unknown;
    }

    /** {@code fields}: the names the step looks at, separated by spaces. */
    void add(String op, String fields, Step step) {
        Set<String> names = new HashSet<>(Set.of(fields.split(" ")));
        names.add("id");
        names.add("op");
        steps.put(op, request -> {
            request.allowOnly(names);
            return step.run(request);
        });
    }

    /** Serve stdin until it ends, then leave at once, after {@code last}. What the library prints to stdout goes to stderr. */
    void serve(Runnable last) throws IOException {
        PrintStream out = System.out;
        System.setOut(System.err);
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonObject fields = JsonParser.parseString(line).getAsJsonObject();
            Map<String, Object> answer = answer(fields.get("op").getAsString(), new Request(fields));
            answer.put("id", fields.get("id"));
            out.write((gson.toJson(answer) + "\n").getBytes(StandardCharsets.UTF_8));
            out.flush();
        }
        last.run();
        Runtime.getRuntime().halt(0);
    }

    private Map<String, Object> answer(String op, Request request) {
        Step step = steps.get(op);
        if (step == null) {
            return Answer.of("unsupported", op + ": " + unknown);
        }
        try {
            return Answer.of("ok", step.run(request));
        } catch (Unsupported missing) {
            return Answer.of("unsupported", missing.getMessage());
        } catch (Exception | LinkageError failed) {
            failed.printStackTrace();
            return Answer.of("error", Failure.of(failed));
        }
    }
}
