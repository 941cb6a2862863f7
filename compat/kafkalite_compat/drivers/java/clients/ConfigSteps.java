package kafkalite.compat;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

/** Administration of configs. */
final class ConfigSteps {
    private final Session session;

    ConfigSteps(Session session) {
        this.session = session;
    }

    void addTo(Steps steps) {
        steps.add("describe_configs", "resource name", this::describe);
        steps.add("alter_configs", "resource name set unset", this::alter);
    }

    private Map<String, Object> describe(Request request) throws Exception {
        ConfigResource resource = resource(request);
        Map<String, Object> configs = new TreeMap<>();
        for (ConfigEntry entry :
                session.admin().describeConfigs(Set.of(resource)).values().get(resource).get().entries()) {
            configs.put(entry.name(), Answer.of(
                    "value", entry.value(),
                    "source", entry.source().name(),
                    "read_only", entry.isReadOnly(),
                    "sensitive", entry.isSensitive()));
        }
        return Answer.of("configs", configs);
    }

    private Map<String, Object> alter(Request request) throws Exception {
        ConfigChanges.make(session.admin(), resource(request), request.table("set"), request.texts("unset"));
        return Answer.of("incremental", ConfigChanges.INCREMENTAL);
    }

    private static ConfigResource resource(Request request) {
        String type = request.text("resource");
        try {
            return new ConfigResource(ConfigResource.Type.valueOf(type.toUpperCase()), request.text("name"));
        } catch (IllegalArgumentException older) {
            throw new Unsupported("ConfigResource has no type " + type);
        }
    }
}
