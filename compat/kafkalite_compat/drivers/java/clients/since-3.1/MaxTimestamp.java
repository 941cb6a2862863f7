package kafkalite.compat;

import org.apache.kafka.clients.admin.OffsetSpec;

/** The offset of the record with the largest timestamp (KIP-734, in 3.0). */
final class MaxTimestamp {
    private MaxTimestamp() {}

    static OffsetSpec spec() {
        return OffsetSpec.maxTimestamp();
    }
}
