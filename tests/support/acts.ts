/** What an act says on a machine, as one command line: for made-up machines that answer by its words. */
import { quote } from "../../common/quote.js";
import { type Act, definition } from "../../nodes/operator-documents.js";

export const spoken = ({ document, parameters }: Act): string =>
  definition(document)
    .command.replaceAll(/"\$\(base64 -d <<< "\$SSM_(\w+)"\)"/g, (_, name: string) =>
      quote(Buffer.from(parameters[name] ?? "", "base64").toString()),
    )
    .replaceAll(/\$\{SSM_(\w+):\+([^}]*)\}/g, (_, name: string, words: string) =>
      parameters[name] ? words : "",
    )
    .replaceAll(/"\$SSM_(\w+)"/g, (_, name: string) => quote(parameters[name] ?? ""))
    .replaceAll(/\$SSM_tables/g, () => (parameters.tables ?? "").split(" ").map(quote).join(" "))
    .replaceAll(/\$SSM_(\w+)/g, (_, name: string) => parameters[name] ?? "");
