package sample;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The table `items`: made on the first write, so that a server starts anywhere, on a standby too. */
final class Items {
    /** @param node address of the database node that answered */
    record Item(UUID id, String body, Instant createdAt, boolean isNew, String node) {}

    private static final String UNDEFINED_TABLE = "42P01";
    private static final String COLUMNS = "id, body, created_at, writes, host(inet_server_addr()) as node";

    private Items() {}

    /**
     * Writes an item, or confirms one that is there: the same id and body may be sent any number of times.
     *
     * @throws Failure 409 when the id is taken by another body; 503 as {@link Database#write} has it.
     */
    static Item put(UUID id, String body) throws Failure {
        try {
            return Database.write(connection -> insert(connection, id, body));
        } catch (Failure failure) {
            if (!hasState(failure, UNDEFINED_TABLE)) throw failure;
        }
        createTable();
        return Database.write(connection -> insert(connection, id, body));
    }

    /** Asks a replica, and the leader before it says that there is none: replicas may be a moment behind. */
    static Optional<Item> find(UUID id) throws Failure {
        Optional<Item> item = Database.read(connection -> select(connection, id));
        return item.isPresent() ? item : Database.readLeader(connection -> select(connection, id));
    }

    /** The newest items, as a replica has them. */
    static List<Item> newest(int limit) throws Failure {
        return Database.read(connection -> query(
            connection,
            "select " + COLUMNS + " from items order by created_at desc, id limit ?",
            statement -> statement.setInt(1, limit)));
    }

    /**
     * A repeated id updates the row it finds rather than doing nothing: only a transaction that writes waits for
     * the standby, and a row whose first commit ended in doubt may be on the leader alone. So the second answer
     * is as good as the first one would have been.
     */
    private static Item insert(Connection connection, UUID id, String body) throws SQLException, Failure {
        String sql = "insert into items (id, body) values (?, ?)"
            + " on conflict (id) do update set writes = items.writes + 1 returning " + COLUMNS;
        Item item = query(connection, sql, statement -> {
            statement.setObject(1, id);
            statement.setString(2, body);
        }).get(0);
        if (!item.body().equals(body)) throw Failure.refused(409, "another item has this id");
        return item;
    }

    private static Optional<Item> select(Connection connection, UUID id) throws SQLException {
        return query(
            connection,
            "select " + COLUMNS + " from items where id = ?",
            statement -> statement.setObject(1, id)).stream().findFirst();
    }

    private static void createTable() throws Failure {
        Database.write(connection -> {
            try (Statement statement = connection.createStatement()) {
                // "if not exists" does not keep two servers from making it at once; this lock does.
                statement.execute("select pg_advisory_xact_lock(hashtext('items'))");
                statement.execute("create table if not exists items ("
                    + "id uuid primary key, body text not null,"
                    + " created_at timestamptz not null default now(), writes integer not null default 1)");
                statement.execute("create index if not exists items_created_at on items (created_at desc, id)");
            }
            return null;
        });
    }

    private interface Parameters {
        void set(PreparedStatement statement) throws SQLException;
    }

    private static List<Item> query(Connection connection, String sql, Parameters parameters) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            parameters.set(statement);
            try (ResultSet rows = statement.executeQuery()) {
                List<Item> items = new ArrayList<>();
                while (rows.next()) {
                    items.add(new Item(
                        rows.getObject("id", UUID.class),
                        rows.getString("body"),
                        rows.getObject("created_at", OffsetDateTime.class).toInstant(),
                        rows.getInt("writes") == 1,
                        rows.getString("node")));
                }
                return items;
            }
        } catch (SQLException error) {
            boolean reads = sql.startsWith("select");
            // Nothing has been written yet, so nothing is there.
            if (reads && UNDEFINED_TABLE.equals(error.getSQLState())) return List.of();
            throw error;
        }
    }

    private static boolean hasState(Failure failure, String state) {
        return failure.getCause() instanceof SQLException error && state.equals(error.getSQLState());
    }
}
