package kafkalite.compat;

import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

/** All configs of a resource are replaced at once: whatever is not set is unset. */
final class ConfigChanges {
    static final boolean INCREMENTAL = false;

    private ConfigChanges() {}

    static void make(AdminClient admin, ConfigResource resource, Map<String, String> set, List<String> unset)
            throws Exception {
        List<ConfigEntry> entries =
                set.entrySet().stream().map(one -> new ConfigEntry(one.getKey(), one.getValue())).toList();
        admin.alterConfigs(Map.of(resource, new Config(entries))).all().get();
    }
}
