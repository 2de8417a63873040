package sample;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Where this server stands, and what its database nodes are called. From the environment alone. Strangers learn none of it
 * unless the environment says so.
 */
final class Place {
    /** Whether somebody wants this application here: anybody may write to it. */
    static final boolean ALLOWED = variable("DR_SAMPLE", "").equals("allowed");
    static final boolean SHOWS_HOSTS = variable("DR_SAMPLE_HOSTS", "").equals("shown");
    private static final String HIDDEN = "hidden";
    static final String SERVER = SHOWS_HOSTS ? server() : HIDDEN;
    static final String REGION = SHOWS_HOSTS ? variable("DR_REGION", "unknown") : HIDDEN;
    private static final Map<String, String> NODES = nodes();

    private Place() {}

    /** Name of the database node with an address, or the address when the environment doesn't name it. */
    static String nodeName(String address) {
        if (!SHOWS_HOSTS) return HIDDEN;
        return address == null ? "local" : NODES.getOrDefault(address, address);
    }

    /** From the kernel: looking up the own name depends on DNS. */
    private static String server() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).trim();
        } catch (IOException error) {
            return variable("HOSTNAME", "unknown");
        }
    }

    /** `DR_DATABASE_NODES`: `address=name`, separated by spaces. */
    private static Map<String, String> nodes() {
        Map<String, String> names = new HashMap<>();
        for (String pair : variable("DR_DATABASE_NODES", "").split("\\s+")) {
            String[] parts = pair.split("=", 2);
            if (parts.length == 2) names.put(parts[0], parts[1]);
        }
        return names;
    }

    private static String variable(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isBlank() ? otherwise : value;
    }
}
