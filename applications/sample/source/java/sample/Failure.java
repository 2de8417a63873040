package sample;

/** A request that can't be answered as asked, and what is known about its effect. */
final class Failure extends Exception {
    private static final long serialVersionUID = 1L;

    /** What a client may conclude about its write. */
    enum Outcome {
        /** Certainly not written, or nothing to write. */
        NONE("none"),
        /** Written or not: unknown. Sending it again with the same id is safe. */
        UNKNOWN("unknown");

        final String word;

        Outcome(String word) {
            this.word = word;
        }
    }

    final int status;
    final Outcome outcome;

    private Failure(int status, Outcome outcome, String message, Throwable cause) {
        super(message, cause);
        this.status = status;
        this.outcome = outcome;
    }

    /** The database can't be reached now; the client may try again. */
    static Failure unavailable(String message, Throwable cause) {
        return new Failure(503, Outcome.NONE, message, cause);
    }

    /** The commit was sent and not, or not fully, confirmed. */
    static Failure unknown(String message, Throwable cause) {
        return new Failure(503, Outcome.UNKNOWN, message, cause);
    }

    /** The request itself is at fault; trying again won't help. */
    static Failure refused(int status, String message) {
        return new Failure(status, Outcome.NONE, message, null);
    }
}
