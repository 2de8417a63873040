package sample;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.util.concurrent.Semaphore;
import javax.naming.InitialContext;
import javax.naming.NamingException;
import javax.sql.DataSource;

/**
 * The two pools, and the one place that decides what a database error means for a client.
 *
 * <p>A write is acknowledged only when its commit was confirmed without a warning: PostgreSQL answers a commit
 * whose wait for the standby was cancelled with success <em>and</em> a warning, and such a row can be lost.
 */
final class Database {
    /** Something to do on a connection. */
    interface Work<T> {
        T on(Connection connection) throws SQLException, Failure;
    }

    /**
     * Requests that may be in the database, or waiting for it, at once. Beyond it they are refused at once,
     * so that a database that hangs can't take every thread, and the health check with it.
     */
    private static final Semaphore SLOTS = new Semaphore(100);

    private Database() {}

    /** Whether both pools are configured. Does not ask the database: a standby's servers are healthy. */
    static boolean configured() {
        try {
            pool("write");
            pool("read");
            return true;
        } catch (Failure failure) {
            return false;
        }
    }

    /**
     * Runs work on the leader in one transaction and commits it.
     *
     * @throws Failure with outcome none when nothing was written, unknown when the commit's fate is open.
     */
    static <T> T write(Work<T> work) throws Failure {
        return inSlot(() -> {
            try (Connection connection = pool("write").getConnection()) {
                T result = transaction(connection, work);
                commit(connection);
                return result;
            } catch (SQLException error) {
                // From before the commit: its own errors have become a Failure.
                throw Failure.unavailable("the database takes no writes now", error);
            }
        });
    }

    /** Runs work on the leader without writing. */
    static <T> T readLeader(Work<T> work) throws Failure {
        return inSlot(() -> read("write", work));
    }

    /** Runs work on a replica; once more when its connection broke; on the leader when no replica answers. */
    static <T> T read(Work<T> work) throws Failure {
        return inSlot(() -> {
            try {
                return read("read", work);
            } catch (Failure first) {
                if (first.status != 503) throw first;
            }
            try {
                return read("read", work);
            } catch (Failure second) {
                if (second.status != 503) throw second;
            }
            return read("write", work);
        });
    }

    /** Runs a question about one pool's own node, with no other to help out. */
    static <T> T describe(String pool, Work<T> work) throws Failure {
        return inSlot(() -> read(pool, work));
    }

    /** One try on one pool. */
    private static <T> T read(String pool, Work<T> work) throws Failure {
        try (Connection connection = pool(pool).getConnection()) {
            T result = work.on(connection);
            if (!connection.getAutoCommit()) connection.rollback();
            return result;
        } catch (SQLException error) {
            throw Failure.unavailable("the database can't be read now", error);
        }
    }

    private static <T> T transaction(Connection connection, Work<T> work) throws SQLException, Failure {
        try {
            return work.on(connection);
        } catch (SQLException | Failure | RuntimeException error) {
            try {
                connection.rollback();
            } catch (SQLException broken) {
                error.addSuppressed(broken);
            }
            throw error;
        }
    }

    private static void commit(Connection connection) throws Failure {
        SQLWarning warning;
        try {
            connection.clearWarnings();
            connection.commit();
            warning = connection.getWarnings();
        } catch (SQLException error) {
            if (rolledBack(error)) throw Failure.unavailable("the database refused the write", error);
            throw Failure.unknown("the connection was lost during the commit", error);
        }
        if (warning != null) throw Failure.unknown("committed on the leader alone: " + warning.getMessage(), warning);
    }

    /** Whether a failed commit has surely left nothing: a conflict or a violated constraint, said by the server. */
    private static boolean rolledBack(SQLException error) {
        String state = error.getSQLState() == null ? "" : error.getSQLState();
        return state.startsWith("23") || (state.startsWith("40") && !state.equals("40003"));
    }

    private static <T> T inSlot(Attempt<T> attempt) throws Failure {
        if (!SLOTS.tryAcquire()) throw Failure.unavailable("too many requests wait for the database", null);
        try {
            return attempt.run();
        } finally {
            SLOTS.release();
        }
    }

    private interface Attempt<T> {
        T run() throws Failure;
    }

    private static DataSource pool(String name) throws Failure {
        try {
            return (DataSource) new InitialContext().lookup("java:comp/env/jdbc/" + name);
        } catch (NamingException error) {
            throw Failure.unavailable("the pool jdbc/" + name + " is not configured", error);
        }
    }
}
