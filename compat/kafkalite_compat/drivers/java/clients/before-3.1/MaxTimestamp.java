package kafkalite.compat;

/** The offset of the record with the largest timestamp cannot be asked for. */
final class MaxTimestamp {
    private MaxTimestamp() {}

    static <Spec> Spec spec() {
        throw new Unsupported("OffsetSpec.maxTimestamp came with 3.0");
    }
}
