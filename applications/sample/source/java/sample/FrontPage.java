package sample;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** `/`: for people, who answered: server, region, and the database node and its role behind each pool. */
public final class FrontPage extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String page = """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta http-equiv="refresh" content="2">
            <title>Sample application</title>
            <style>
              body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }
              th { text-align: left; padding-right: 2rem; font-weight: 600 }
              small { color: #666 }
            </style>
            <h1>Sample application</h1>
            <table>
            <tr><th>server<td>%s
            <tr><th>region<td>%s
            <tr><th>writes go to<td>%s
            <tr><th>reads come from<td>%s
            </table>
            <p><a href="/items">newest items</a></p>
            <p><small>%s UTC</small></p>
            </html>
            """.formatted(
                escape(Place.SERVER), escape(Place.REGION), escape(describe("write")), escape(describe("read")),
                Instant.now().truncatedTo(ChronoUnit.SECONDS));
        byte[] bytes = page.getBytes(StandardCharsets.UTF_8);
        response.setContentType("text/html");
        response.setCharacterEncoding("UTF-8");
        response.setHeader("Cache-Control", "no-store");
        response.setContentLength(bytes.length);
        response.getOutputStream().write(bytes);
    }

    private static String describe(String pool) {
        try {
            return Database.describe(pool, FrontPage::node);
        } catch (Failure failure) {
            return "no database now";
        }
    }

    private static String node(Connection connection) throws SQLException {
        String sql = "select host(inet_server_addr()), pg_is_in_recovery(), timeline_id from pg_control_checkpoint()";
        try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(sql)) {
            row.next();
            if (!Place.SHOWS_HOSTS) return "a database";
            return "%s, %s, timeline %d".formatted(
                Place.nodeName(row.getString(1)), row.getBoolean(2) ? "replica" : "leader", row.getInt(3));
        }
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
