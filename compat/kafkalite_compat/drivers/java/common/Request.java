package kafkalite.compat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The fields of one step, or of one object in it. A field that is left out or null reads as null, or as the default given. */
final class Request {
    private final JsonObject fields;

    Request(JsonObject fields) {
        this.fields = fields;
    }

    boolean has(String name) {
        return fields.has(name) && !fields.get(name).isJsonNull();
    }

    String text(String name) {
        return has(name) ? fields.get(name).getAsString() : null;
    }

    String text(String name, String otherwise) {
        return has(name) ? text(name) : otherwise;
    }

    Long number(String name) {
        return has(name) ? fields.get(name).getAsLong() : null;
    }

    long number(String name, long otherwise) {
        return has(name) ? number(name) : otherwise;
    }

    boolean isNumber(String name) {
        return has(name) && fields.get(name).getAsJsonPrimitive().isNumber();
    }

    int integer(String name) {
        return Math.toIntExact(number(name));
    }

    boolean flag(String name, boolean otherwise) {
        return has(name) ? fields.get(name).getAsBoolean() : otherwise;
    }

    /** What a base64 field stands for. */
    byte[] bytes(String name) {
        return has(name) ? Base64.getDecoder().decode(text(name)) : null;
    }

    /** The objects of a list; none when it is left out. */
    List<Request> objects(String name) {
        List<Request> objects = new ArrayList<>();
        for (JsonElement one : elements(name)) {
            objects.add(new Request(one.getAsJsonObject()));
        }
        return objects;
    }

    List<String> texts(String name) {
        List<String> texts = new ArrayList<>();
        for (JsonElement one : elements(name)) {
            texts.add(one.getAsString());
        }
        return texts;
    }

    /** The lists of a list, e.g. a record's headers. */
    List<List<JsonElement>> tuples(String name) {
        List<List<JsonElement>> tuples = new ArrayList<>();
        for (JsonElement one : elements(name)) {
            tuples.add(one.getAsJsonArray().asList());
        }
        return tuples;
    }

    /** An object whose values are text. */
    Map<String, String> table(String name) {
        Map<String, String> table = new LinkedHashMap<>();
        if (has(name)) {
            fields.getAsJsonObject(name).entrySet().forEach(
                    entry -> table.put(entry.getKey(), entry.getValue().getAsString()));
        }
        return table;
    }

    /** Throws Unsupported if there is anything but null under any other name. */
    void allowOnly(Set<String> names) {
        for (String name : fields.keySet()) {
            if (has(name) && !names.contains(name)) {
                throw new Unsupported("this driver knows no field " + name);
            }
        }
    }

    private List<JsonElement> elements(String name) {
        return has(name) ? fields.getAsJsonArray(name).asList() : List.of();
    }
}
