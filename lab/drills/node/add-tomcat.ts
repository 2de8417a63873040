import { HEALTH_PATH } from "../../../settings/contract.js";
import { ask, frontPage, tomcatsOf, up } from "../change.js";
import type { Drill } from "../drill.js";

/** A cold server on a busy machine. */
const SLOW_START_SECONDS = 90;

export const addTomcat: Drill = {
  name: "add-tomcat",
  title: "A Tomcat server more, by a number in the settings",
  runbook: "add-capacity.md",
  nightly: true,
  hypothesis:
    "One server more is a number in the settings and an `up`. It fetches what it needs, finds the leader by itself, and serves. Those that run notice nothing; taking it away again is the same the other way round.",
  expect: { writeGapSeconds: 2, readGapSeconds: 2, httpErrors: 5 },
  async run(scene) {
    const before = new Set(tomcatsOf(scene).map(({ name }) => name));
    await scene.step("Detect: may I? The cluster is whole", () => scene.whole());
    const back = await scene.fault(`set ${before.size + 1} servers, and up`, () =>
      up(scene, { tomcats: before.size + 1 }),
    );
    const added = tomcatsOf(scene).find(({ name }) => !before.has(name));
    if (!added) throw new Error("no server was added");
    await scene.step(`Verify: ${added.name} answers the load balancer's health check`, async () => {
      await scene.eventually(
        "200 from the new server",
        async () => (await ask(scene, added, HEALTH_PATH)).status === 200,
        180,
      );
      scene.measure({ name: "new server healthy", value: scene.sinceFault(), unit: "s", atMost: 180 });
    });
    await scene.step(`Verify: ${added.name} serves, on the leader and on replicas`, async () => {
      const server = await scene.eventually(
        "its front page",
        () => frontPage(scene, added, "server"),
        SLOW_START_SECONDS,
      );
      scene.prove(
        `a request to the new server's address is answered by ${added.name}`,
        server === added.name,
      );
      const leader = await scene.leader();
      const writes = await scene.eventually(
        "its writing pool",
        async () => {
          const to = await frontPage(scene, added, "writes go to");
          return to?.includes("leader") && to;
        },
        SLOW_START_SECONDS,
      );
      scene.prove(`its writes go to ${writes}`, writes.startsWith(`${leader.name},`));
      const reads = await scene.eventually(
        "its reading pool",
        async () => {
          const from = await frontPage(scene, added, "reads come from");
          return from?.includes("timeline") && from;
        },
        SLOW_START_SECONDS,
      );
      scene.prove(`its reads come from ${reads}`, reads.includes("replica"));
    });
    await scene.step("Way back: the old number, and up", back);
    scene.prove(`${added.name} is gone`, !tomcatsOf(scene).some(({ name }) => name === added.name));
    await scene.step("Verify: writes flow as before", () => scene.writesFlow());
  },
};
