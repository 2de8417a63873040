/** A machine of the twin, without a database: namespaces, units, cuts, disks, deaths. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Progress } from "../../../common/progress.js";
import { ensureImage } from "../../../lab/twin/image.js";
import { LocalTwin } from "../../../lab/twin/local-twin.js";
import type { Machine } from "../../../lab/twin/types.js";

const UNITS = {
  "base.service": "[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=50ms\n",
  "bound.service":
    "[Unit]\nBindsTo=fragile.service\nAfter=fragile.service\n[Service]\nUser=postgres\nExecStart=/bin/sleep 1000\nRestart=always\n",
  "fragile.service": "[Service]\nExecStart=/bin/sleep 1000\n",
  // The child outlives its parent unless the whole group is killed.
  "family.service": "[Service]\nExecStart=/bin/sh -c 'sleep 1234 & sleep 1000'\nKillMode=mixed\n",
  "stubborn.service":
    "[Service]\nExecStart=/bin/sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'\nTimeoutStopSec=300ms\n",
  "confined.service":
    "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'umask; grep -E \"^(CapBnd|CapEff|NoNewPrivs)\" /proc/self/status'\n" +
    "CapabilityBoundingSet=CAP_CHOWN CAP_KILL\nNoNewPrivileges=yes\nUMask=0077\n",
  "without.service":
    "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'grep -E ^CapBnd /proc/self/status; chown 1 /run/init.sock || echo refused'\nCapabilityBoundingSet=\n",
  "twice.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo ran >> /run/ran'\n",
  "twice.timer": "[Timer]\nOnBootSec=0\nOnUnitActiveSec=200ms\n",
};

const userData = `#cloud-config\n${JSON.stringify({
  write_files: Object.entries(UNITS).map(([name, content]) => ({
    path: `/etc/systemd/system/${name}`,
    content,
    permissions: "0640",
  })),
  runcmd: [["systemctl", "enable", "--now", "base.service"]],
})}\n`;

let dir: string;
let twin: LocalTwin;
let home: Machine;
let away: Machine;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dr-twin-"));
  const { root, payload } = await ensureImage(new Progress());
  twin = await LocalTwin.open({ dir, regions: ["home", "recovery"], layers: [payload, root] });
  const [a, b] = await Promise.all([
    twin.add({
      name: "a",
      role: "database",
      region: "home",
      address: "10.10.0.10",
      userData,
      volumeMib: 512,
    }),
    twin.add({ name: "b", role: "tomcat", region: "recovery", address: "10.20.0.10", userData }),
  ]);
  await Promise.all([a.booted(), b.booted()]);
  home = a;
  away = b;
}, 300_000);

afterAll(async () => {
  await twin?.close();
  await rm(dir, { recursive: true, force: true });
});

const sh = async (machine: Machine, script: string) =>
  (await machine.run(["sh", "-c", script])).stdout.trim();

/** Milliseconds until the other machine refuses a connection; undefined when nothing comes back. */
const reach = async (from: Machine, address: string): Promise<number | undefined> => {
  const answer = await sh(
    from,
    `python3 -c "
import socket, time
s = socket.socket(); s.settimeout(1); t = time.monotonic()
try: s.connect(('${address}', 9))
except ConnectionRefusedError: print((time.monotonic() - t) * 1000)
except TimeoutError: print('silence')"`,
  );
  return answer === "silence" ? undefined : Number(answer);
};

const until = async (condition: () => Promise<boolean>) => {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries > 100) throw new Error("it did not become so within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

test("has its own name, processes and files, and runs what its cloud-init settings say", async () => {
  expect(await sh(home, "hostname")).toBe("a");
  expect(await sh(home, "ls -l /etc/systemd/system/base.service | cut -c1-10")).toBe("-rw-r-----");
  expect(await sh(home, "ps -e -o comm= | sort -u | grep -c unshare")).toBe("0");
  expect(await home.isActive("base.service")).toBe(true);
  expect(await sh(away, "test -e /etc/systemd/system/base.service && echo there")).toBe("there");
});

test("restarts a killed service, and stops what is bound to one that stays away", async () => {
  await home.signal("base.service", "SIGKILL");
  await until(async () => (await home.systemctl("show", "base.service")).includes("NRestarts=1"));
  expect(await home.isActive("base.service")).toBe(true);

  await home.systemctl("start", "bound.service");
  expect(await home.isActive("fragile.service")).toBe(true);
  await home.signal("fragile.service", "SIGKILL");
  await until(async () => !(await home.isActive("bound.service")));
});

test("leaves no child of a stopped service, and kills one that won't stop", async () => {
  await home.systemctl("start", "family.service");
  expect(await sh(home, "pgrep -c -f 'sleep 1234'")).not.toBe("0");
  await home.signal("family.service", "SIGKILL");
  await until(async () => (await sh(home, "pgrep -fx 'sleep 1234' || echo none")) === "none");

  await home.systemctl("start", "stubborn.service");
  await home.systemctl("stop", "stubborn.service");
  expect(await home.isActive("stubborn.service")).toBe(false);
});

test("takes from a service the capabilities that its unit doesn't keep, and new privileges", async () => {
  const logOf = async (unit: string) => {
    await home.systemctl("start", `${unit}.service`);
    return (await sh(home, `grep -v '^.init' /run/twin/logs/${unit}.log`)).replaceAll("\t", " ");
  };
  expect(await logOf("confined")).toBe(
    "0077\nCapEff: 0000000000000021\nCapBnd: 0000000000000021\nNoNewPrivs: 1",
  );
  const without = await logOf("without");
  expect(without).toContain("CapBnd: 0000000000000000");
  expect(without).toContain("refused");
});

test("runs a service again and again by its timer", async () => {
  await home.systemctl("start", "twice.timer");
  await until(async () => Number(await sh(home, "wc -l < /run/ran")) >= 3);
  await home.systemctl("stop", "twice.timer");
});

test("reaches the other region after the wire's delay, and not when cut", async () => {
  await reach(home, "10.20.0.10"); // Addresses are looked up once.
  const there = await reach(home, "10.20.0.10");
  expect(there).toBeGreaterThan(29);
  await twin.wire?.cut();
  expect(await reach(home, "10.20.0.10")).toBeUndefined();
  await twin.wire?.heal();
  expect(await reach(home, "10.20.0.10")).toBeDefined();
});

test("is cut off in one direction, by peer and by port, and reconnected", async () => {
  await home.cut({ direction: "in", peers: ["10.20.0.10"] });
  expect(await reach(home, "10.20.0.10")).toBeUndefined();
  await home.heal();
  await home.cut({ ports: [2379] });
  expect(await reach(home, "10.20.0.10")).toBeDefined();
  await home.cut({ ports: [9] });
  expect(await reach(home, "10.20.0.10")).toBeUndefined();
  await home.heal();
  expect(await reach(home, "10.20.0.10")).toBeDefined();
});

test("runs nothing while frozen", async () => {
  const before = await sh(home, "cut -d' ' -f1 /proc/uptime");
  await home.freeze();
  const asked = home.run(["true"]);
  const early = await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 500, "silence"))]);
  expect(early).toBe("silence");
  await home.thaw();
  expect((await asked).exitCode).toBe(0);
  expect(Number(await sh(home, "cut -d' ' -f1 /proc/uptime"))).toBeGreaterThan(Number(before));
});

test("has a disk that fills, hangs and survives the machine's death", async () => {
  await sh(home, "echo kept > /var/lib/dr/file && sync && echo lost > /etc/lost");
  await home.fillDisk();
  expect((await home.run(["sh", "-c", "head -c 1M /dev/zero > /var/lib/dr/more"])).stderr).toContain(
    "No space",
  );
  await home.emptyDisk();
  expect((await home.run(["sh", "-c", "head -c 1M /dev/zero > /var/lib/dr/more"])).exitCode).toBe(0);

  const stop = await home.slowDisk(400, 450);
  const write =
    "t=$(date +%s%N); echo x > /var/lib/dr/slow; sync /var/lib/dr/slow; echo $((($(date +%s%N) - t) / 1000000))";
  await new Promise((resolve) => setTimeout(resolve, 200));
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) waits.push(Number(await sh(home, write)));
  expect(Math.max(...waits)).toBeGreaterThan(150);
  await stop();
  const after: number[] = [];
  for (let i = 0; i < 4; i++) after.push(Number(await sh(home, write)));
  expect(Math.min(...after)).toBeLessThan(Math.max(...waits));

  await home.slowDisk(900, 950);
  await home.kill();
  expect(home.alive).toBe(false);
  await expect(home.run(["true"])).rejects.toThrow("a is not running");
  expect(await reach(away, "10.10.0.10")).toBeUndefined();
  await home.boot();
  expect(await sh(home, "cat /var/lib/dr/file; ls /etc/lost 2> /dev/null")).toBe("kept");
  expect(await reach(away, "10.10.0.10")).toBeDefined();
});
