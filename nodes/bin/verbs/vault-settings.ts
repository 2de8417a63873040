/**
 * The settings of both regions' vaults, which change rarely and take a dozen calls to read: once in ten minutes per region,
 * and the result is kept in etcd. A cold region has no nodes, so its vault is the other region's to check.
 */
import type { GuardConfig } from "../../guard/shared/config.js";
import { flawsOfBucket, flawsOfSettings, settingsOf, type VaultPlace } from "./flaws.js";
import type { Store } from "./store.js";

const KEY = "vault/settings";
const KEPT_SECONDS = 600;

interface Kept {
  /** Seconds since 1970. */
  readonly at: number;
  readonly flaws: readonly string[];
}

type Regions = Pick<GuardConfig["region"], "own" | "peer" | "endpoints">;

/** What `flawsOfBothVaults` uses on a real machine. */
const MACHINE = { settingsOf, flawsOfBucket };

/**
 * @param bucket the own region's vault; its name ends with the region's
 * @param now seconds since 1970
 */
export async function flawsOfBothVaults(
  bucket: string,
  { own, peer, endpoints }: Regions,
  lockDays: number,
  store: Pick<Store, "get" | "put">,
  now: number,
  { settingsOf, flawsOfBucket }: typeof MACHINE = MACHINE,
): Promise<readonly string[]> {
  const kept = (await store.get(KEY)) as Kept | undefined;
  if (kept && now - kept.at < KEPT_SECONDS) return kept.flaws;
  const other = bucket.slice(0, -own.length) + peer;
  const places: VaultPlace[] = [
    { region: own, bucket, otherRegion: peer, otherBucket: other },
    // Without a NAT gateway there is no route to it.
    ...(endpoints.some(({ region }) => region === peer)
      ? [{ region: peer, bucket: other, otherRegion: own, otherBucket: bucket }]
      : []),
  ];
  const flaws: string[] = [];
  try {
    for (const place of places) {
      flaws.push(...flawsOfSettings(place, lockDays, await settingsOf(place.bucket)));
      // The own vault's versioning and lock are looked at each time.
      if (place.region === peer) flaws.push(...(await flawsOfBucket(place.bucket, lockDays)));
    }
  } finally {
    // Also when the other region doesn't answer: waiting for it again each time would delay what the own vault needs.
    await store.put(KEY, { at: now, flaws } satisfies Kept);
  }
  return flaws;
}
