package kafkalite.compat;

/** Values of {@code processing.guarantee}: what is exactly_once_v2 since 3.0 was exactly_once_beta (KIP-447). */
final class Guarantee {
    private Guarantee() {}

    static String named(String guarantee) {
        return guarantee.equals("exactly_once_v2") ? "exactly_once_beta" : guarantee;
    }
}
