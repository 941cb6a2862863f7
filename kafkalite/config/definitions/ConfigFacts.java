// Prints what Apache Kafka's own ConfigDef objects say about every config of brokers, topics, groups and client metrics
// subscriptions, one tab-separated line each.
// Facts only: scope, name, type, default, validator, its fields, internal, update mode. `extract.py` runs it.
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.coordinator.group.GroupConfig;
import org.apache.kafka.server.config.DynamicBrokerConfig;
import org.apache.kafka.server.config.ServerTopicConfigSynonyms;
import org.apache.kafka.server.metrics.ClientMetricsConfigs;

public class ConfigFacts {
    private static final String NULL = "\\N";

    public static void main(String[] arguments) throws Exception {
        print("broker", kafka.server.KafkaConfig.configDef(), DynamicBrokerConfig.dynamicConfigUpdateModes());
        print("topic", org.apache.kafka.storage.internals.log.LogConfig.configDefCopy(), Map.of());
        print("group", GroupConfig.CONFIG_DEF, Map.of());
        print("client_metrics", ClientMetricsConfigs.configDef(), Map.of());
        for (var entry : new TreeMap<>(ServerTopicConfigSynonyms.ALL_TOPIC_CONFIG_SYNONYMS).entrySet()) {
            var names = entry.getValue().stream().map(synonym -> synonym.name()).toList();
            System.out.println(String.join("\t", "synonyms", entry.getKey(), String.join(",", names)));
        }
        for (String name : GroupConfig.configNames()) {
            GroupConfig.brokerSynonym(name).ifPresent(key -> System.out.println(String.join("\t", "synonyms", name, key)));
        }
    }

    private static void print(String scope, ConfigDef definition, Map<String, String> updateModes) throws Exception {
        for (var key : new TreeMap<>(definition.configKeys()).values()) {
            String value = key.hasDefault() ? ConfigDef.convertToString(key.defaultValue, key.type) : null;
            String validator = key.validator == null ? NULL : key.validator.getClass().getSimpleName();
            System.out.println(String.join("\t", scope, key.name, key.type.toString(), value == null ? NULL : value,
                validator, fields(key.validator), String.valueOf(key.internalConfig), updateModes.getOrDefault(key.name, NULL)));
        }
    }

    private static String fields(Object validator) throws Exception {
        var values = new TreeMap<String, String>();
        if (validator != null) {
            for (Field field : validator.getClass().getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !field.isSynthetic()) {
                    field.setAccessible(true);
                    values.put(field.getName(), String.valueOf(field.get(validator)));
                }
            }
        }
        return values.toString();
    }
}
