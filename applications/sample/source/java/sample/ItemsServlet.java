package sample;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.stream.Collectors;

/** `/items` and `/items/<uuid>`. The README has what each method answers. */
public final class ItemsServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final int BODY_LIMIT_BYTES = 65_536;
    private static final int LIST_DEFAULT = 20;
    private static final int LIST_LIMIT = 1000;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        answer(response, () -> {
            if (isList(request)) {
                String items = Items.newest(limit(request)).stream()
                    .map(ItemsServlet::json).collect(Collectors.joining(",\n "));
                Json.send(response, 200, "[" + items + "]");
                return;
            }
            Items.Item item = Items.find(uuid(request.getPathInfo().substring(1)))
                .orElseThrow(() -> Failure.refused(404, "no item has this id"));
            Json.send(response, 200, json(item));
        });
    }

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        answer(response, () -> {
            if (!isList(request)) throw Failure.refused(405, "POST goes to /items");
            String key = request.getHeader("Idempotency-Key");
            put(request, response, key == null ? UUID.randomUUID() : uuid(key));
        });
    }

    @Override
    protected void doPut(HttpServletRequest request, HttpServletResponse response) throws IOException {
        answer(response, () -> {
            if (isList(request)) throw Failure.refused(405, "PUT goes to /items/<uuid>");
            put(request, response, uuid(request.getPathInfo().substring(1)));
        });
    }

    private static void put(HttpServletRequest request, HttpServletResponse response, UUID id)
            throws IOException, Failure {
        String body = body(request);
        Limits.admitWrite();
        Items.Item item = Items.put(id, body);
        response.setHeader("Location", "/items/" + id);
        Json.send(response, item.isNew() ? 201 : 200, json(item));
    }

    private interface Answer {
        void send() throws IOException, Failure;
    }

    /** Turns a failure into its answer. What lies behind it goes to the log only. */
    private void answer(HttpServletResponse response, Answer answer) throws IOException {
        try {
            answer.send();
        } catch (Failure failure) {
            if (failure.status == 503) {
                response.setHeader("Retry-After", "1");
                log(failure.getMessage() + (failure.getCause() == null ? "" : ": " + failure.getCause().getMessage()));
            }
            Json.send(response, failure.status, Json.object(
                "error", failure.getMessage(), "outcome", failure.outcome.word, "server", Place.SERVER));
        }
    }

    private static String json(Items.Item item) {
        return Json.object(
            "id", item.id().toString(), "body", item.body(), "createdAt", item.createdAt().toString(),
            "server", Place.SERVER, "region", Place.REGION, "node", Place.nodeName(item.node()));
    }

    private static boolean isList(HttpServletRequest request) {
        return request.getPathInfo() == null || request.getPathInfo().equals("/");
    }

    private static int limit(HttpServletRequest request) throws Failure {
        String text = request.getParameter("limit");
        if (text == null) return LIST_DEFAULT;
        if (!text.matches("[0-9]{1,4}") || Integer.parseInt(text) < 1 || Integer.parseInt(text) > LIST_LIMIT) {
            throw Failure.refused(400, "limit must be 1 to " + LIST_LIMIT);
        }
        return Integer.parseInt(text);
    }

    private static UUID uuid(String text) throws Failure {
        if (!text.matches("(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")) {
            throw Failure.refused(400, "an id is a UUID");
        }
        return UUID.fromString(text);
    }

    private static String body(HttpServletRequest request) throws IOException, Failure {
        byte[] bytes = request.getInputStream().readNBytes(BODY_LIMIT_BYTES + 1);
        if (bytes.length > BODY_LIMIT_BYTES) {
            throw Failure.refused(413, "a body has at most " + BODY_LIMIT_BYTES + " bytes");
        }
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            // PostgreSQL's text has no such character.
            if (text.indexOf('\0') >= 0) throw Failure.refused(400, "a body has no NUL");
            return text;
        } catch (CharacterCodingException error) {
            throw Failure.refused(400, "a body is text in UTF-8");
        }
    }
}
