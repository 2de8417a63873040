/** The guard's transactions on a real etcd, over TLS with client certificates. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createAuthority, issueLeaf } from "../../../authority/authority.js";
import { Progress } from "../../../common/progress.js";
import { ensureImage } from "../../../lab/twin/image.js";
import type { Action, Beat, View } from "../../../nodes/guard/leader/leader-facts.js";
import {
  handover,
  keysOf,
  readAll,
  renewal,
  takeover,
  viewOf,
} from "../../../nodes/guard/leader/leader-keys.js";
import { Etcd } from "../../../nodes/guard/shared/etcd.js";

const keys = keysOf({ namespace: "/s/", scope: "x" });
const beat: Beat = { node: "a", state: "held", term: "1", timeline: 3, system: "1" };
let folder: string;
let server: ChildProcess;
let etcd: Etcd;
let strangers: Etcd;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const listener = createServer().on("error", reject);
    listener.listen(0, "127.0.0.1", () => {
      const { port } = listener.address() as { port: number };
      listener.close(() => resolve(port));
    });
  });

/** Writes a leaf's files. @returns their paths, as in a guard's settings. */
async function leaf(name: string, authority: Awaited<ReturnType<typeof createAuthority>>) {
  const made = await issueLeaf(authority, { name, address: "127.0.0.1" });
  const paths = {
    authority: join(folder, `${name}.ca`),
    certificate: join(folder, `${name}.crt`),
    key: join(folder, `${name}.key`),
  };
  await writeFile(paths.authority, made.authority);
  await writeFile(paths.certificate, made.certificate);
  await writeFile(paths.key, made.key, { mode: 0o600 });
  return paths;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dr-etcd-"));
  const { root } = await ensureImage(new Progress());
  const authority = await createAuthority();
  const tls = await leaf("a", authority);
  const [client, peer] = [await freePort(), await freePort()];
  const url = `https://127.0.0.1:${client}`;
  const away = `https://127.0.0.1:${await freePort()}`;
  server = spawn(
    join(root, "usr/bin/etcd"),
    [
      ...["--name", "a", "--data-dir", join(folder, "data"), "--log-level", "error"],
      ...["--listen-client-urls", url, "--advertise-client-urls", url],
      ...["--listen-peer-urls", `http://127.0.0.1:${peer}`],
      ...["--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`],
      ...["--initial-cluster", `a=http://127.0.0.1:${peer}`],
      ...["--client-cert-auth", "--trusted-ca-file", tls.authority],
      ...["--cert-file", tls.certificate, "--key-file", tls.key],
    ],
    { stdio: "ignore" },
  );
  // Nothing answers at the first endpoint.
  etcd = new Etcd({ endpoints: [away, url], timeoutMillis: 5000, tls });
  const other = await leaf("stranger", await createAuthority("Others"));
  strangers = new Etcd({
    endpoints: [url],
    timeoutMillis: 5000,
    tls: { ...other, authority: tls.authority },
  });
  for (let tries = 0; ; tries++) {
    try {
      await etcd.transact([], [{ range: "x" }]);
      return;
    } catch (error) {
      if (tries > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}, 600_000);

afterAll(async () => {
  etcd?.close();
  strangers?.close();
  server?.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

const read = async (): Promise<View> =>
  viewOf(keys, (await etcd.transact([], readAll(keys))).ranges, { startedAt: 0, endedAt: 0 });
const put = (key: string, value: string, lease?: string) => etcd.transact([], [{ put: key, value, lease }]);
const send = ({ compare, success, failure }: ReturnType<typeof renewal>) =>
  etcd.transact(compare, success, failure);

let session: string;
let heir: string;
beforeEach(async () => {
  for (const key of [keys.leader, keys.sync, keys.heartbeat, keys.member("b")])
    await etcd.transact([], [{ delete: key }]);
  [session, heir] = [await etcd.grant(60), await etcd.grant(60)];
  await put(keys.leader, "a", session);
  await put(keys.sync, '{"leader":"a","sync_standby":"b"}');
  await put(keys.member("b"), "{}", heir);
  await put(keys.heartbeat, JSON.stringify(beat));
});

async function takeOver(marked = false) {
  const view = await read();
  const { leader, sync, heartbeat } = view as Required<View>;
  const action: Extract<Action, { kind: "take-over" }> = {
    kind: "take-over",
    expect: { leader, heartbeatMod: heartbeat.mod, sync },
    beat: { ...beat, state: "taken", session: leader.lease },
    mark: marked,
    waitedMillis: 2300,
  };
  const marker = marked ? { value: "guard-marker:b:1", lease: await etcd.grant(2) } : undefined;
  return { sync, run: () => send(takeover(keys, action, marker)) };
}

test("refuses a client whose certificate another authority signed", async () => {
  await expect(strangers.transact([], [{ range: keys.leader }])).rejects.toThrow();
});

test("reads leader, sync, heartbeat and members with their sessions", async () => {
  expect(await read()).toMatchObject({
    leader: { value: "a", lease: session },
    heartbeat: { beat },
    members: { b: { lease: heir } },
  });
});

test("a takeover fails if the sync key was changed in between", async () => {
  const { run } = await takeOver();
  await put(keys.sync, '{"leader":"a","sync_standby":""}');
  expect((await run()).succeeded).toBe(false);
  expect((await read()).leader?.value).toBe("a");
});

test("a takeover succeeds else, and spoils what an old leader knew of the sync key", async () => {
  const { sync, run } = await takeOver();
  expect((await run()).succeeded).toBe(true);
  const dropToAsynchronous = await etcd.transact(
    [{ key: keys.sync, mod: sync.mod }],
    [{ put: keys.sync, value: '{"leader":"a","sync_standby":""}' }],
  );
  expect(dropToAsynchronous.succeeded).toBe(false);
  const after = await read();
  expect(after.leader).toBeUndefined();
  expect(after.sync?.value).toBe(sync.value);
  expect(after.heartbeat?.beat).toMatchObject({ state: "taken", session });
});

test("a takeover fails if the leader has renewed in between, and a renewal after a takeover", async () => {
  const view = (await read()) as Required<View>;
  const renew = () =>
    send(
      renewal(keys, {
        kind: "renew",
        expect: { leader: view.leader, heartbeatMod: view.heartbeat.mod },
        beat,
        opens: true,
      }),
    );
  const first = await takeOver();
  expect((await renew()).succeeded).toBe(true);
  expect((await first.run()).succeeded).toBe(false);
  expect((await (await takeOver()).run()).succeeded).toBe(true);
  const refused = await renew();
  expect(refused.succeeded).toBe(false);
  // A refusal says how things stand.
  expect(viewOf(keys, refused.ranges, { startedAt: 0, endedAt: 0 }).heartbeat?.beat.state).toBe("taken");
});

test("a marker goes away by itself if its guard dies", { timeout: 120_000 }, async () => {
  expect((await (await takeOver(true)).run()).succeeded).toBe(true);
  expect((await read()).leader?.value).toBe("guard-marker:b:1");
  for (let tries = 0; (await read()).leader; tries++) {
    if (tries > 100) throw new Error("it is still there");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

test("revoking a session deletes its keys, and may be done again", async () => {
  await etcd.revoke(session);
  expect((await read()).leader).toBeUndefined();
  await etcd.revoke(session);
  expect(await etcd.timeToLive(session)).toBeUndefined();
  expect(await etcd.timeToLive(heir)).toBeGreaterThan(0);
});

test("a handover compares the candidate's session, not its key's revision", async () => {
  const view = await read();
  await put(keys.member("b"), '{"rewritten":1}', heir);
  expect((await send(handover(keys, view, { name: "b", session: heir }))).succeeded).toBe(true);
  expect(await read()).toMatchObject({
    leader: { value: "b", lease: heir },
    heartbeat: { beat: { state: "closed" } },
  });
});

test("a handover fails if the candidate has another session, or none", async () => {
  const view = await read();
  await put(keys.member("b"), "{}", await etcd.grant(60));
  expect((await send(handover(keys, view, { name: "b", session: heir }))).succeeded).toBe(false);
  await etcd.transact([], [{ delete: keys.member("b") }]);
  expect((await send(handover(keys, view, { name: "b", session: heir }))).succeeded).toBe(false);
  expect((await read()).leader?.value).toBe("a");
});
