/** Observations as tests need them: the home region active in epoch 1, followed by the recovery region. */
import { NO_STATUS, type Status } from "../../nodes/guard/region/region-facts.js";
import type { GuardStatus } from "../../nodes/guard/status.js";
import { known, unknown } from "../../operations/known.js";
import type { GuardReport, Observation, RegionRecord } from "../../operations/observation.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";

export const SETTINGS = parseSharedSettings("global", {
  domain: "example.com",
  regions: { home: "eu-west-1", recovery: "eu-central-1", witness: "eu-west-3" },
  contacts: [{ severity: "page", protocol: "email", endpoint: "a@example.com" }],
});
export const CONTRACT = contractOf(SETTINGS, "000000000000");

export const NOW = Date.parse("2026-07-07T12:00:00Z");
const MARK = { epoch: 1, timeline: 3 };
export const NO_OVERRIDES = { fenced: 0, acceptDataLoss: 0 };

export const NOBODY: RegionRecord = { claimed: 0, status: NO_STATUS, overrides: NO_OVERRIDES };

/** @param agoSeconds when it published last */
export const activeHome = (agoSeconds = 1, status: Partial<Status> = {}): RegionRecord => ({
  claimed: 1,
  overrides: NO_OVERRIDES,
  status: {
    sequence: 40,
    opened: 1,
    opening: { epoch: 1, reason: "no claim of the other region prevents it" },
    position: { wallMillis: NOW - agoSeconds * 1000, node: "drs-eu-west-1-db-2", mark: MARK, lsn: 1000 },
    ...status,
  },
});

/** @param provenSeconds age of the position that it has proven to have */
export const standbyRecovery = (provenSeconds = 2, record: Partial<RegionRecord> = {}): RegionRecord => ({
  claimed: 0,
  overrides: NO_OVERRIDES,
  status: {
    sequence: 30,
    opened: 0,
    proof: { node: "drs-eu-central-1-db-1", mark: MARK, wallMillis: NOW - provenSeconds * 1000, lsn: 900 },
  },
  ...record,
});

export const observation = (
  home: RegionRecord,
  recovery: RegionRecord,
  rest: Partial<Observation> = {},
): Observation => ({
  at: NOW,
  readIn: "eu-west-1",
  failures: [],
  regions: { home, recovery },
  guards: unknown("only the guards know it, and they answer inside the regions' networks only"),
  healthy: { home: known(true), recovery: known(false) },
  ...rest,
});

type GuardNews = Partial<Omit<GuardStatus, "region">> & { readonly region?: Partial<GuardStatus["region"]> };

/** What a guard of the twin answers. */
export function guard(region: "home" | "recovery", number: number, news: GuardNews = {}): GuardReport {
  const node = CONTRACT[region].databaseNodes[number - 1]?.name as string;
  const status: GuardStatus = {
    node,
    active: false,
    port: "closed",
    patroniMayAskEtcd: true,
    patroniForgetsForMillis: 0,
    leaderLease: true,
    leader: null,
    etcdSeenMillisAgo: 100,
    heartbeat: null,
    postgres: null,
    revoking: [],
    muted: [],
    marker: null,
    switchingOver: false,
    ...news,
    region: {
      role: region === "home" ? "primary" : "standby",
      source: null,
      claims: null,
      claimsReadMillisAgo: 100,
      leaseLeftMillis: 0,
      mine: null,
      theirs: null,
      overrides: null,
      log: null,
      proof: null,
      diverged: null,
      unsavedEpoch: null,
      slots: [],
      lagMillis: undefined,
      waitsFor: undefined,
      ...news.region,
    },
  };
  return { node, region, status: known(status) };
}
