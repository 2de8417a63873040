package sample;

import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import java.sql.Statement;

/**
 * Sends a query through both pools every few seconds, from the start on. A server of a standby region is idle until its
 * region takes over. Its first logins would then be slow, because the JVM hasn't loaded or compiled the driver, TLS and
 * SCRAM yet, and would exceed `loginTimeout` when all clients connect at once. (Across the link the query reaches the
 * other region's leader; without an answer, the attempt alone warms up most of it.)
 */
public final class WarmUp implements ServletContextListener {
    private static final long PACE_MILLIS = 5_000;

    private Thread thread;

    @Override
    public void contextInitialized(ServletContextEvent event) {
        // Tomcat logs it, and serves nothing.
        if (!Place.ALLOWED) throw new IllegalStateException(
            "the sample application lets anybody write to the database, so it starts only where DR_SAMPLE=allowed."
            + " Set application.war to your own application, or application.allowSample to true");
        thread = new Thread(WarmUp::run, "warm-up");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void contextDestroyed(ServletContextEvent event) {
        if (thread != null) thread.interrupt();
    }

    private static void run() {
        try {
            while (true) {
                for (String pool : new String[] {"write", "read"}) ask(pool);
                Limits.measure();
                Thread.sleep(PACE_MILLIS);
            }
        } catch (InterruptedException stopped) {
            // The server stops.
        }
    }

    private static void ask(String pool) {
        try {
            Database.describe(pool, connection -> {
                try (Statement statement = connection.createStatement()) {
                    return statement.execute("select 1");
                }
            });
        } catch (Failure failure) {
            // Only real requests report failures to their senders; this one just prepares for them.
        }
    }
}
