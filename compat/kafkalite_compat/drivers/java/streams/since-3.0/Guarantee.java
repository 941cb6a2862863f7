package kafkalite.compat;

/** Values of {@code processing.guarantee}. */
final class Guarantee {
    private Guarantee() {}

    static String named(String guarantee) {
        return guarantee;
    }
}
