package sample;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/**
 * `/dr/healthz`: 200 when this server can answer requests. It does not ask the database: the load balancer would
 * otherwise take every server away, the standby region's for good and the active region's at each failover.
 */
public final class HealthServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        boolean healthy = Database.configured();
        Json.send(response, healthy ? 200 : 503, Json.object(
            "status", healthy ? "ok" : "no connection pool", "server", Place.SERVER, "region", Place.REGION));
    }
}
