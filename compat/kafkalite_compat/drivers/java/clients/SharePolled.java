package kafkalite.compat;

/** A consumer of a share group (KIP-932). */
interface SharePolled extends Polled {
    void acknowledge(Request request);

    void commit();
}
