package kafkalite.compat;

/** The library, in this version, cannot do the step or does not know an option; the message says what is missing. */
final class Unsupported extends RuntimeException {
    Unsupported(String missing) {
        super(missing, null, false, false);
    }
}
