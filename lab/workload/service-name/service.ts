/**
 * The service's name as AWS serves it: a load balancer per region, Route 53's health checks of both, and a name
 * server that answers by the failover records. Runs where users are: outside of both regions, with a way into each
 * that doesn't depend on the link between them.
 */
import { now } from "../clock.js";
import { paced, pause } from "../pace.js";
import type { Surroundings } from "../part.js";
import type { NameConfig, NamedRegion } from "./config.js";
import { balance } from "./load-balancer.js";
import type { DnsRecord } from "./message.js";
import { probeOnce } from "./prober.js";
import { serveNames } from "./resolver.js";
import { answerAt, initialRoute, isSettled, knownAt, probed, type RouteState } from "./route.js";

/** Of a load balancer's own record, in AWS. */
const BALANCER_TTL_SECONDS = 60;
/** How soon a change that has come into force is reported. */
const TELL_MILLIS = 100;

export interface NameService {
  /** `address:port` of the name server. */
  readonly nameServer: string;
  close(): void;
}

/** @returns once both load balancers and the name server listen. It serves until it is closed, or its process ends. */
export async function openName(config: NameConfig, emit: Surroundings["emit"]): Promise<NameService> {
  const { regions, port } = config;
  const closing = new AbortController();
  let state = initialRoute(config);
  const balancers = await Promise.all(
    Object.values(regions).map(({ address, fleet }) => balance(address, port, fleet, closing.signal)),
  );
  const server = await serveNames(config.nameServer, (name) =>
    recordsOf(config, answerAt(config, state, now()), name),
  );
  for (const [region, { address }] of Object.entries(regions)) {
    const url = `http://${address}:${port}${config.activePath}`;
    for (let prober = 0; prober < config.probers; prober++) {
      void probeForever(config, prober, url, closing.signal, (ok) => {
        state = probed(config, state, { region, prober, ok }, now());
      });
    }
  }
  void tellChanges(config, () => state, closing.signal, emit);
  return {
    nameServer: server.address,
    close: () => {
      closing.abort();
      server.close();
      for (const balancer of balancers) {
        balancer.close();
        balancer.closeAllConnections();
      }
    },
  };
}

/** What a name's zone contains. */
function recordsOf(
  { hostname, regions, ttlSeconds }: NameConfig,
  leadsTo: string,
  name: string,
): DnsRecord[] | undefined {
  const addressOf = ({ hostname: own, address }: NamedRegion): DnsRecord => ({
    name: own,
    type: "A",
    ttl: BALANCER_TTL_SECONDS,
    value: address,
  });
  const own = Object.values(regions).find((region) => region.hostname === name);
  if (own) return [addressOf(own)];
  const to = regions[leadsTo];
  if (name !== hostname || !to) return undefined;
  return [{ name, type: "CNAME", ttl: ttlSeconds, value: to.hostname }, addressOf(to)];
}

/** Probers are spread evenly over the interval, as they are on average: or figures would differ by chance. */
async function probeForever(
  { probeIntervalMillis, probers }: NameConfig,
  prober: number,
  url: string,
  stopping: AbortSignal,
  tell: (ok: boolean) => void,
): Promise<void> {
  await pause((prober / probers) * probeIntervalMillis);
  await paced(probeIntervalMillis, stopping, async () => tell(await probeOnce(url)));
}

/** Tells where the name leads, each time that name servers come to know of a change. */
async function tellChanges(
  config: NameConfig,
  state: () => RouteState,
  stopping: AbortSignal,
  emit: Surroundings["emit"],
): Promise<void> {
  let told = "";
  await paced(TELL_MILLIS, stopping, async () => {
    const at = now();
    const [leadsTo, healthy] = [answerAt(config, state(), at), knownAt(state(), at)];
    const news = { leadsTo, healthy, settled: isSettled(state(), at) };
    if (told === JSON.stringify(news)) return;
    told = JSON.stringify(news);
    emit({ kind: "name", at, ...news });
  });
}
