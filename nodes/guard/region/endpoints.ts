/** DynamoDB's endpoints: those of the configuration, or of a stand-in on the same machine. */
import type { GuardConfig } from "../shared/config.js";

type Endpoints = GuardConfig["region"]["endpoints"];

/**
 * Those of the variable DR_CLAIMS_ENDPOINTS, `region=url,region=url`, where it is set: regions that it doesn't name are
 * left out.
 * @throws Error for any other form: a guard that queried AWS instead of the stand-in would fence its node.
 */
export function claimEndpoints(endpoints: Endpoints): Endpoints {
  const override = process.env.DR_CLAIMS_ENDPOINTS;
  if (!override) return endpoints;
  const given = new Map(
    override.split(",").map((part) => {
      const [region, url] = part.split("=");
      if (!region || !url || !URL.canParse(url))
        throw new Error(`DR_CLAIMS_ENDPOINTS: '${part}' is not region=url`);
      return [region, url] as const;
    }),
  );
  const known = [...given].map(([region, url]) => ({ region, url }));
  const first = endpoints[0]?.region;
  // The own region comes first, as in the configuration.
  return known.sort((a, b) => Number(b.region === first) - Number(a.region === first));
}
