package kafkalite.compat;

import java.util.Map;

/** Looks up what the suite has opened by a name. */
final class Opened {
    private Opened() {}

    static <Thing> Thing in(Map<String, Thing> things, String name) {
        Thing thing = things.get(name);
        if (thing == null) {
            throw new IllegalStateException("nothing is open by the name " + name);
        }
        return thing;
    }
}
