package kafkalite.compat;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Options for a part of the library, checked against those that it has. */
final class Options {
    private final Map<String, Object> values = new HashMap<>();
    private final String part;
    private final Set<String> known;

    Options(String part, Set<String> known) {
        this.part = part;
        this.known = known;
    }

    /** Sets nothing when {@code value} is null. Throws Unsupported for an option that this version does not have. */
    Options set(String name, Object value) {
        if (value == null) {
            return this;
        }
        if (!known.contains(name)) {
            throw new Unsupported("the " + part + " has no option " + name);
        }
        values.put(name, value.toString());
        return this;
    }

    /** As {@link #set}, for what an older version does anyway. */
    Options setIfKnown(String name, Object value) {
        return known.contains(name) ? set(name, value) : this;
    }

    Map<String, Object> values() {
        return values;
    }
}
