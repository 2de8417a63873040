package sample;

import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** What Tomcat would answer with a page and, after an exception, a stack trace. */
public final class ErrorServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Integer status = (Integer) request.getAttribute(RequestDispatcher.ERROR_STATUS_CODE);
        int code = status == null ? 404 : status;
        String message = code == 404 ? "nothing is here" : code < 500 ? "refused" : "failed";
        Json.send(response, code, Json.object("error", message, "server", Place.SERVER));
    }
}
