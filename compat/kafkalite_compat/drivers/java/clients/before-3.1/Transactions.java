package kafkalite.compat;

import java.util.List;
import org.apache.kafka.clients.admin.AdminClient;

/** Transactions are not shown to an admin. */
final class Transactions {
    private Transactions() {}

    static List<Object> list(AdminClient admin) {
        throw new Unsupported("AdminClient.listTransactions came with 3.0");
    }
}
