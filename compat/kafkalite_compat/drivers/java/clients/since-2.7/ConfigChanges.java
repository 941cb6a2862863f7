package kafkalite.compat;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

/** Changes of some configs, the others left as they are (KIP-339, in 2.3). */
final class ConfigChanges {
    static final boolean INCREMENTAL = true;

    private ConfigChanges() {}

    static void make(AdminClient admin, ConfigResource resource, Map<String, String> set, List<String> unset)
            throws Exception {
        Collection<AlterConfigOp> changes = new ArrayList<>();
        set.forEach((key, value) ->
                changes.add(new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET)));
        unset.forEach(key ->
                changes.add(new AlterConfigOp(new ConfigEntry(key, ""), AlterConfigOp.OpType.DELETE)));
        admin.incrementalAlterConfigs(Map.of(resource, changes)).all().get();
    }
}
