/** The kernel's leases, by the real helper, under the rendered rules: what clients see. */
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { Progress } from "../../../common/progress.js";
import { ensureImage } from "../../../lab/twin/image.js";
import { NFTABLES_FILE, renderNftables } from "../../../nodes/render/nftables.js";
import { contractOf } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { BASE_SETTINGS } from "../../support/recorder.js";
import { inside } from "./support/inside.js";

let seen: Record<string, string[]>;
beforeAll(async () => {
  const settings = parseSharedSettings("global", BASE_SETTINGS);
  const rules = renderNftables(settings, contractOf(settings, "123456789012"));
  const probe = await readFile(new URL("support/lease-probe.py", import.meta.url), "utf8");
  const { output } = await inside(
    await ensureImage(new Progress()),
    [
      { path: NFTABLES_FILE, content: rules, mode: "0644" },
      { path: "/root/probe.py", content: probe, mode: "0644" },
    ],
    // The shell stays: the first process of a namespace can't be stopped from within.
    `nft -f ${NFTABLES_FILE} && grep '^net[.]' /etc/sysctl.d/90-disaster-recovery.conf | sysctl --quiet -p - && python3 /root/probe.py; exit $?`,
  );
  try {
    seen = JSON.parse(output.trim().split("\n").at(-1) ?? "");
  } catch {
    throw new Error(`the probe failed: ${output}`);
  }
}, 600_000);

const GONE = /^(reset|end)$/;

test("clients are refused until a lease is set", () => expect(seen.before).toEqual(["reset"]));

test("are served while it lasts", () => expect(seen.open).toEqual(["connected", "sent", "answer"]));

test("an acknowledgement given after the lease doesn't arrive, nor later when the port is open again", () => {
  expect(seen.asked).toEqual(["sent"]);
  expect(seen.lapsed?.[0]).not.toBe("answer");
  expect(seen["open again, old connection"]?.[0]).not.toBe("answer");
  expect(seen["open again"]).toEqual(["connected", "sent", "answer"]);
});

test("closing takes effect at once, on open connections too", () => {
  expect(seen.closed?.[1]).toMatch(GONE);
  expect(seen.closed?.[2]).toBe("reset");
});

test("Patroni, and no other user, is kept from etcd until it is admitted", () => {
  expect(seen["Patroni before"]).toEqual(["reset"]);
  expect(seen["root before"]).toEqual(["connected"]);
  expect(seen["Patroni admitted"]).toEqual(["connected", "sent", "answer"]);
});

test("its idle watch of etcd is reset by the keepalive alone, once its time is over", () => {
  expect(seen["Patroni's watch later"]).toEqual(["reset"]);
  expect(seen["Patroni admitted again, old connection"]?.[0]).toMatch(GONE);
  expect(seen["Patroni admitted again"]).toEqual(["connected", "sent", "answer"]);
});

test("shut out, its watch ends at once, and no other user's does", () => {
  expect(seen["Patroni shut out"]).toEqual(["reset", "reset"]);
  expect(seen["shut out within"]).toEqual(["True"]);
  expect(seen["root meanwhile"]).toEqual(["connected", "sent", "answer"]);
});

test("a helper that was stopped between computing a lease and setting it opens nothing after the deadline", () => {
  expect(seen["paused shorter than the lease"]).toEqual(["connected"]);
  expect(seen["paused longer than the lease"]).toEqual(["reset"]);
});

test("the session of a client that died while the port was closed ends, and with it its locks", () => {
  expect(seen["a client before it dies"]).toEqual(["connected", "sent", "answer"]);
  expect(seen["its session, while closed"]).toEqual(["open"]);
  expect(seen["its session, 20 s after opening"]).toEqual(["ended"]);
});
