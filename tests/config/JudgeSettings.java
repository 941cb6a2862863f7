// Reads settings, one broker's on a line with tabs between, and prints for each line whether Kafka would start with them.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Properties;
import kafka.server.KafkaConfig;
import org.apache.kafka.storage.internals.log.LogConfig;

public class JudgeSettings {
    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null; ) {
            var settings = new Properties();
            for (String setting : line.split("\t")) {
                int equals = setting.indexOf('=');
                settings.put(setting.substring(0, equals), setting.substring(equals + 1));
            }
            System.out.println(judge(settings));
        }
    }

    private static String judge(Properties settings) {
        try {
            // A broker that starts makes both.
            new LogConfig(KafkaConfig.fromProps(settings, false).extractLogConfigMap());
            return "taken";
        } catch (RuntimeException refusal) {
            return refusal.getMessage().replace('\n', ' ');
        }
    }
}
