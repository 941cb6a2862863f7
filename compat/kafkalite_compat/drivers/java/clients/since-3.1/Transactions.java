package kafkalite.compat;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.TransactionListing;

/** Transactions, as an admin sees them (KIP-664, in 3.0). */
final class Transactions {
    private Transactions() {}

    static List<Object> list(AdminClient admin) throws Exception {
        List<Object> told = new ArrayList<>();
        for (TransactionListing one : admin.listTransactions().all().get()) {
            told.add(Answer.of("transactional_id", one.transactionalId(), "state", one.state().toString()));
        }
        return told;
    }
}
