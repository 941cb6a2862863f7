package kafkalite.compat;

import java.time.Duration;

/** A poll in slices, as applications poll; the consumers of KIP-848 before 4.2 may sleep through records in a long one. */
final class PollSlice {
    private static final long LONGEST_MS = 200;

    private PollSlice() {}

    /** {@code deadline}: of System.nanoTime. */
    static Duration until(long deadline) {
        long leftMs = (deadline - System.nanoTime()) / 1_000_000;
        return Duration.ofMillis(Math.max(0, Math.min(LONGEST_MS, leftMs)));
    }
}
