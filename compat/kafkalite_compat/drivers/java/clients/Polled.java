package kafkalite.compat;

import java.util.Map;

/** What the suite calls a consumer: one that owns partitions, or one of a share group. */
interface Polled {
    void subscribe(Request request);

    Map<String, Object> poll(Request request);

    void close();
}
