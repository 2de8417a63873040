import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import software.amazon.event.ruler.Machine;

/** Puts each event of each case to Event Ruler, and writes down whether it matches. */
public class Judge {
  public static void main(String[] args) throws Exception {
    ObjectMapper json = new ObjectMapper();
    JsonNode all = json.readTree(new File(args[0]));
    for (JsonNode each : all.get("cases"))
      for (JsonNode tried : each.get("events"))
        ((ObjectNode) tried).put("matched", matches(each.get("pattern").toString(), tried.get("event").toString()));
    json.writeValue(System.out, all);
  }

  private static boolean matches(String pattern, String event) throws Exception {
    Machine machine = new Machine();
    machine.addRule("rule", pattern);
    return !machine.rulesForJSONEvent(event).isEmpty();
  }
}
