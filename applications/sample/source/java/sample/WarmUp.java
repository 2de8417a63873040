package sample;

import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import java.sql.Statement;

/**
 * Asks through both pools every few seconds, from the start on. A server of a standby region has had nothing to do
 * until its region takes over: its first logins would be slow, for nothing of the driver, of TLS and of SCRAM is loaded
 * or compiled yet, and fail by `loginTimeout` just when everybody comes. (Across the link it reaches the other region's
 * leader; where nobody answers, it has at least tried.)
 */
public final class WarmUp implements ServletContextListener {
    private static final long PACE_MILLIS = 5_000;

    private Thread thread;

    @Override
    public void contextInitialized(ServletContextEvent event) {
        thread = new Thread(WarmUp::run, "warm-up");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void contextDestroyed(ServletContextEvent event) {
        thread.interrupt();
    }

    private static void run() {
        try {
            while (true) {
                for (String pool : new String[] {"write", "read"}) ask(pool);
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
            // Requests that fail are told to who sent them; this one only prepares for them.
        }
    }
}
