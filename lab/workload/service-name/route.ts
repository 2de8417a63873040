/** Which region a name leads to: probers' answers → health checks → failover records. Pure. */
import { type Health, observe } from "../health.js";
import { type NameConfig, ROUTE53 } from "./config.js";

export type RegionHealth = Readonly<Record<string, boolean>>;

/** What the health checks said, and from when on name servers answer by it. */
interface Change {
  readonly from: number;
  readonly healthy: RegionHealth;
}

type Rules = Pick<NameConfig, "primary" | "secondary" | "probers" | "probeFailures" | "propagationMillis">;

export interface RouteState {
  /** By region, then by prober; undefined where one has not asked yet. */
  readonly probers: Readonly<Record<string, readonly (Health | undefined)[]>>;
  /** Oldest first; the last is what the health checks say now. */
  readonly changes: readonly Change[];
}

/** No check has run yet. Route 53 takes a new check to be healthy; so are both. */
export function initialRoute({ primary, secondary, probers }: Rules): RouteState {
  const nobody = () => Array.from<undefined>({ length: probers });
  return {
    probers: { [primary]: nobody(), [secondary]: nobody() },
    changes: [{ from: Number.NEGATIVE_INFINITY, healthy: { [primary]: true, [secondary]: true } }],
  };
}

/** A prober has asked a region's load balancer. The first answer of each is believed: the name was there long before. */
export function probed(
  rules: Rules,
  state: RouteState,
  { region, prober, ok }: { readonly region: string; readonly prober: number; readonly ok: boolean },
  at: number,
): RouteState {
  const thresholds = { fall: rules.probeFailures, rise: rules.probeFailures };
  const probers = {
    ...state.probers,
    [region]: (state.probers[region] ?? []).map((health, i) =>
      i === prober ? observe(health, ok, thresholds) : health,
    ),
  };
  const last = state.changes.at(-1) as Change;
  const healthy = isHealthy(probers[region] as readonly (Health | undefined)[]);
  if (healthy === last.healthy[region]) return { ...state, probers };
  const change = { from: at + rules.propagationMillis, healthy: { ...last.healthy, [region]: healthy } };
  return { probers, changes: [...state.changes, change] };
}

const isHealthy = (probers: readonly (Health | undefined)[]): boolean =>
  probers.filter((health) => health?.healthy ?? true).length > ROUTE53.healthyShare * probers.length;

/**
 * Whether every prober has asked every region, and name servers know what came of it: from now on answers are those
 * of a name that was there long before.
 */
export const isSettled = ({ probers, changes }: RouteState, at: number): boolean =>
  Object.values(probers).every((all) => all.every((health) => health !== undefined)) &&
  changes.every(({ from }) => from <= at);

/** What name servers know at that time. */
export const knownAt = ({ changes }: RouteState, at: number): RegionHealth =>
  (changes.findLast(({ from }) => from <= at) as Change).healthy;

/** PRIMARY if healthy, else SECONDARY if healthy, else PRIMARY: Route 53 would rather answer wrongly than not. */
export function answerAt({ primary, secondary }: Rules, state: RouteState, at: number): string {
  const healthy = knownAt(state, at);
  return !healthy[primary] && healthy[secondary] ? secondary : primary;
}
