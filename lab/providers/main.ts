/** Entry of a stand-in provider: `main.ts aws|kubernetes|random`. The engine starts one process per provider instance. */
import type { Plugin } from "./plugin.js";
import { serve } from "./server.js";

const PLUGINS: Readonly<Record<string, () => Promise<Plugin>>> = {
  aws: async () => new (await import("./aws/plugin.js")).AwsPlugin(),
  kubernetes: async () => new (await import("./kubernetes.js")).KubernetesPlugin(),
  random: async () => new (await import("./random.js")).RandomPlugin(),
};

const name = process.argv[2] ?? "";
const load = PLUGINS[name];
if (!load) {
  console.error(`'${name}' is not a stand-in provider; there are ${Object.keys(PLUGINS).join(", ")}`);
  process.exit(2);
}
await serve(await load());
