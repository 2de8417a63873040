import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import { measureLeaderChanges } from "../evidence.js";

const SECONDS = 8;
const PAUSE_SECONDS = 0.1;
/** Clients only: not the standbys' streams, not this session. */
const TERMINATE = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND usename <> current_user AND pid <> pg_backend_pid()
ORDER BY random() LIMIT 2;`;

export const connectionsTerminated: Drill = {
  name: "connections-terminated",
  title: "Sessions are terminated at random",
  runbook: "sessions-terminated.md",
  hypothesis:
    "Each client opens a new session at once and goes on; no write without an answer is lost or done twice. Neither Patroni nor the guard takes this for a failure of the leader.",
  nightly: true,
  expect: { writeGapSeconds: 2, rejoinSeconds: 60 },
  async run(scene) {
    const before = await scene.whole();
    const leader = await scene.leader();
    let terminated = 0;
    await scene.fault(
      `terminate two sessions on ${leader.name} again and again, for ${SECONDS} s`,
      async () => {
        const end = now() + SECONDS * 1000;
        while (now() < end) {
          const rows = await scene.database.sql(leader, TERMINATE);
          terminated += rows.filter(([done]) => done === "t").length;
          await scene.settle(PAUSE_SECONDS);
        }
      },
    );
    scene.measure({ name: "sessions terminated", value: terminated, unit: "" });
    scene.prove(`${terminated} sessions were terminated`, terminated > 10);
    scene.prove(
      "writers heard that an administrator had ended their session",
      scene.ledger.writes.some(({ error }) => error?.includes("administrator command")),
    );
    await scene.step("Verify: writes go on", async () => {
      const node = await scene.writesFlow();
      if (node !== leader.address) throw new Error(`writes are acknowledged by ${node}`);
    });
    await measureLeaderChanges(scene, before);
    await scene.step("Verify: every node is in sync", () => scene.whole());
  },
};
