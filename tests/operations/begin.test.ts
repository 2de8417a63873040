/** A new deployment's vault, filled from the third copy: what is chosen, refused, copied again, and restored as it was. */
import { describe, expect, test } from "vitest";
import { orderKey } from "../../nodes/begin-order.js";
import { NO_STATUS } from "../../nodes/guard/region/region-facts.js";
import { clusterName } from "../../nodes/layout.js";
import { choose } from "../../operations/begin/choose.js";
import { type BeginPorts, type BeginRequest, runBegin } from "../../operations/begin/run.js";
import { transfer } from "../../operations/begin/transfer.js";
import { type Entry, historiesOf } from "../../operations/vault/history.js";
import { CONTRACT as contract } from "./observations.js";

const [HOME, STANZA] = [contract.home.repositoryPath.slice(1), clusterName(contract.home)];
const LABEL = "20260228-010000F";
const MANIFEST = `${HOME}/backup/${STANZA}/${LABEL}/backup.manifest`;
const LIST = `${HOME}/backup/${STANZA}/backup.info`;
const segment = (n: number) =>
  `${HOME}/archive/${STANZA}/15-1/0000000100000000/00000001000000000000000${n}-${"ab".repeat(20)}.zst`;

/** A versioned bucket in memory. */
class Bucket {
  readonly entries: (Entry & { content: string })[] = [];
  copies: string[] = [];
  broken = Number.POSITIVE_INFINITY;

  constructor(
    readonly name: string,
    private readonly source?: Bucket,
  ) {}

  add(key: string, content: string, modified: number): this {
    return this.entry(key, modified, false, content);
  }
  hide(key: string, modified: number): this {
    return this.entry(key, modified, true, "");
  }
  private entry(key: string, modified: number, isMarker: boolean, content: string): this {
    for (const each of this.entries) if (each.key === key) Object.assign(each, { isLatest: false });
    const versionId = `v${this.entries.length}`;
    this.entries.push({ key, modified, isMarker, content, versionId, isLatest: true, bytes: content.length });
    return this;
  }
  async histories(prefix: string) {
    return historiesOf(this.entries.filter(({ key }) => key.startsWith(prefix)));
  }
  async copyFrom(from: string, { key, versionId }: { key: string; versionId: string }) {
    expect(from).toBe(this.source?.name);
    if (this.copies.length >= this.broken) throw new Error("connection lost");
    const found = this.source?.entries.find((each) => each.key === key && each.versionId === versionId);
    this.copies.push(key);
    this.add(key, found?.content as string, 99_000);
  }
  async put(key: string, text: string) {
    this.add(key, text, 99_000);
  }
  /** Current contents by key. */
  get now(): Record<string, string> {
    return Object.fromEntries(
      this.entries
        .filter(({ isLatest, isMarker }) => isLatest && !isMarker)
        .map(({ key, content }) => [key, content]),
    );
  }
}

/** A copy with a backup at 1000 and log until 3000. */
const copyOf = () =>
  new Bucket("copy")
    .add(MANIFEST, "manifest", 1000)
    .add(LIST, "list", 1000)
    .add(segment(1), "log 1", 1000)
    .add(segment(2), "log 2", 3000)
    .add(`${HOME}/dump/x`, "dump", 1000)
    .add("other/archive/x", "no repository", 1000);

const RESTORED = [LIST, MANIFEST, segment(1), segment(2)];

const ESCROW = {
  passphrase: "correct horse",
  places: {
    accountId: "111111111111",
    regions: (["home", "recovery"] as const).map((id) => ({
      id,
      region: contract[id].region,
      vaultBucket: `lost-${id}`,
      stanza: clusterName(contract[id]),
      repositoryPath: contract[id].repositoryPath,
    })),
  },
};

interface World {
  copy?: Bucket;
  vault?: Bucket;
  secret?: string;
  opened?: number | (() => number);
  confirms?: boolean;
}

function world({ copy = copyOf(), vault, secret, opened = 0, confirms = true }: World = {}) {
  const into = vault ?? new Bucket("vault", copy);
  const state = { secret, written: 0 };
  const ports: BeginPorts = {
    contract,
    copy,
    vault: into,
    passphrase: {
      read: async () => state.secret,
      async write(value) {
        state.secret = value;
        state.written++;
      },
    },
    async readClaims() {
      const region = (number: number) => ({
        claimed: number,
        status: { ...NO_STATUS, opened: number },
        overrides: { fenced: 0, acceptDataLoss: 0 },
      });
      return {
        regions: { home: region(typeof opened === "number" ? opened : opened()), recovery: region(0) },
      };
    },
    confirm: async () => confirms,
    report() {},
    now: () => new Date("2026-03-01T12:00:00Z"),
  };
  const begin = (request: Partial<BeginRequest> = {}) =>
    runBegin(ports, { escrow: ESCROW, to: "latest", ...request });
  return { copy, vault: into, state, begin };
}

const ORDER = orderKey(contract.home);
/** What was restored, without the order. */
const contentOf = ({ now }: Bucket) =>
  Object.fromEntries(Object.entries(now).filter(([key]) => key !== ORDER));

describe("the vault of a new deployment", () => {
  test("gets what a restore needs, the escrow's passphrase, and then the order", async () => {
    const { vault, state, begin } = world({ secret: "the new account's own" });
    const { plan, copied } = await begin();
    expect(Object.keys(contentOf(vault)).toSorted()).toEqual(RESTORED.toSorted());
    expect(state.secret).toBe("correct horse");
    expect(vault.entries.at(-1)?.key).toBe(ORDER);
    expect(JSON.parse(vault.now[ORDER] as string)).toEqual({
      orderedAt: "2026-03-01T12:00:00.000Z",
      to: "latest",
    });
    expect(copied).toEqual({ objects: 4, bytes: 22 });
    expect(plan).toMatchObject({
      backups: [LABEL],
      newestLog: "1970-01-01T00:00:03.000Z",
      hidden: [],
      overwritten: [],
    });
  });

  test("stays as it is when the operator says no", async () => {
    const { vault, state, begin } = world({ confirms: false });
    expect((await begin()).copied).toBeUndefined();
    expect(vault.entries).toEqual([]);
    expect(state.written).toBe(0);
  });

  test("interrupted: has no order; the next run copies only the rest, and what its size doesn't identify", async () => {
    const copy = copyOf().add(LIST, "LIST", 2000);
    const vault = new Bucket("vault", copy);
    vault.broken = 2;
    const { begin } = world({ copy, vault });
    await expect(begin()).rejects.toThrow("connection lost");
    expect(vault.now[ORDER]).toBeUndefined();
    const before = [...vault.copies];
    vault.broken = Number.POSITIVE_INFINITY;
    vault.copies = [];
    await begin();
    expect(vault.copies.toSorted()).toEqual(
      RESTORED.filter((key) => key === LIST || !before.includes(key)).toSorted(),
    );
    expect(contentOf(vault)[LIST]).toBe("LIST");
    expect(vault.now[ORDER]).toBeDefined();
  });

  test("has no order when a copy has another size than its source", async () => {
    const copy = copyOf();
    const vault = new Bucket("vault", copy);
    vault.copyFrom = async (_, { key }) => void vault.add(key, "", 99_000);
    await expect(world({ copy, vault }).begin()).rejects.toThrow(
      "4 of 4 objects are not in s3://vault as they are in s3://copy",
    );
    expect(vault.now[ORDER]).toBeUndefined();
  });
});

describe("it refuses, and changes nothing", () => {
  const refuses = async (given: World, words: string | RegExp, request: Partial<BeginRequest> = {}) => {
    const { vault, state, begin } = world(given);
    const before = vault.entries.length;
    await expect(begin(request)).rejects.toThrow(words);
    expect([vault.entries.length, state.written]).toEqual([before, 0]);
  };

  test("where a region has served", () => refuses({ opened: 1 }, "has served clients in epoch 1"));

  test("a vault in which a cluster has archived", () =>
    refuses(
      { vault: new Bucket("vault").add(segment(7), "its own", 1000), secret: "correct horse" },
      `1 objects that the copy doesn't have: ${segment(7)}`,
    ));

  test("a vault with the same objects under another passphrase", () =>
    refuses(
      { vault: new Bucket("vault").add(LIST, "list", 1000), secret: "another" },
      "differs from the escrow's passphrase",
    ));

  test("settings with another name or other regions", () => {
    const [home, recovery] = ESCROW.places.regions;
    const places = { ...ESCROW.places, regions: [{ ...home, stanza: "shop-eu-west-9" }, recovery] };
    return refuses({}, "shop-eu-west-9", { escrow: { ...ESCROW, places } as BeginRequest["escrow"] });
  });

  test("a copy without a complete backup", () =>
    refuses(
      { copy: new Bucket("copy").add(LIST, "list", 1).add(segment(1), "log", 1) },
      "has no complete backup",
    ));

  test("a copy whose backups are hidden, and names the way", () =>
    refuses({ copy: copyOf().hide(MANIFEST, 5000) }, "has no complete backup"));

  test("the order, where a cluster began during the copy", async () => {
    let asked = 0;
    const { vault, begin } = world({ opened: () => (++asked > 1 ? 1 : 0) });
    await expect(begin()).rejects.toThrow("has served clients");
    expect(vault.now[ORDER]).toBeUndefined();
  });
});

describe("after an attack on the backups", () => {
  test("the newest list was replaced: as of before, the older one is taken, and all later log with it", async () => {
    const { vault, begin } = world({ copy: copyOf().add(LIST, "evil", 2000).add(segment(3), "log 3", 4000) });
    await begin({ asOf: 1500 });
    expect(contentOf(vault)).toMatchObject({ [LIST]: "list", [segment(2)]: "log 2", [segment(3)]: "log 3" });
  });

  test("a first run took the replaced list; the second one, as of before, puts the older one in front", async () => {
    const { vault, begin } = world({ copy: copyOf().add(LIST, "evil", 2000) });
    await begin();
    expect(contentOf(vault)[LIST]).toBe("evil");
    await begin({ asOf: 1500 });
    expect(contentOf(vault)[LIST]).toBe("list");
  });

  test("hidden objects come back as of before, and stay away otherwise", async () => {
    const copy = copyOf().hide(segment(1), 5000);
    expect((await world({ copy }).begin()).plan.hidden).toEqual([segment(1)]);
    const { vault, begin } = world({ copy });
    await begin({ asOf: 4000 });
    expect(Object.keys(contentOf(vault))).toContain(segment(1));
  });

  test("a segment that was written again is taken in its first version, also one younger than the time", () => {
    const bucket = copyOf().add(segment(2), "forged", 6000).add(MANIFEST, "forged", 6000);
    const { chosen, overwritten } = choose(historiesOf(bucket.entries), 1500);
    const versions = new Map(chosen.map(({ key, versionId }) => [key, versionId]));
    const content = (key: string) =>
      bucket.entries.find((each) => each.versionId === versions.get(key))?.content;
    expect([content(segment(2)), content(MANIFEST)]).toEqual(["log 2", "manifest"]);
    expect(overwritten).toEqual([segment(2), MANIFEST].toSorted());
  });

  test("what else came after the time is left out: a younger backup could be the attacker's", () => {
    const later = MANIFEST.replace(LABEL, "20260301-010000F");
    const { chosen } = choose(historiesOf(copyOf().add(later, "later", 6000).entries), 1500);
    expect(chosen.map(({ key }) => key)).not.toContain(later);
  });
});

test("an object above S3's limit for one copy is named before anything is copied", async () => {
  const vault = new Bucket("vault");
  const large = { key: "x", versionId: "v", bytes: 6 * 1024 ** 3, modified: 0, isOnly: true };
  await expect(transfer("copy", vault, [large], { prefixes: ["x"] })).rejects.toThrow(
    "S3 copies no object above 5 GiB",
  );
});
