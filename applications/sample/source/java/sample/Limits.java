package sample;

import java.sql.ResultSet;
import java.sql.Statement;

/** What strangers may cost: how fast this server writes, and how large the table may get. */
final class Limits {
    private static final double WRITES_PER_SECOND = number("DR_SAMPLE_WRITES_PER_SECOND", 500);
    private static final double BURST = 2 * WRITES_PER_SECOND;
    private static final long TABLE_BYTES = number("DR_SAMPLE_TABLE_MIB", 1024) << 20;

    private static double tokens = BURST;
    private static long filledAt = System.nanoTime();
    private static volatile boolean isFull;

    private Limits() {}

    /** @throws Failure 507 while the table is full, 429 when too many writes come at once: nothing is written. */
    static void admitWrite() throws Failure {
        if (isFull) throw Failure.refused(507, "the table of the sample application is full");
        if (!take()) throw Failure.refused(429, "too many writes per second");
    }

    /** The leader knows the size without reading the table. An unreachable one changes nothing. */
    static void measure() {
        String sql = "select coalesce(pg_total_relation_size(to_regclass('items')), 0)";
        try {
            isFull = Database.readLeader(connection -> {
                try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(sql)) {
                    row.next();
                    return row.getLong(1) >= TABLE_BYTES;
                }
            });
        } catch (Failure failure) {
            // As before.
        }
    }

    private static synchronized boolean take() {
        long now = System.nanoTime();
        tokens = Math.min(BURST, tokens + (now - filledAt) / 1e9 * WRITES_PER_SECOND);
        filledAt = now;
        if (tokens < 1) return false;
        tokens--;
        return true;
    }

    private static long number(String name, long otherwise) {
        String text = System.getenv(name);
        return text == null || text.isBlank() ? otherwise : Long.parseLong(text);
    }
}
