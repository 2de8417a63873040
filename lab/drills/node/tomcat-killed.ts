import { HEALTH_PATH } from "../../../settings/contract.js";
import type { RequestEvent } from "../../workload/events.js";
import { ask, tomcatsOf } from "../change.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";

/** The load balancer's two failed checks, and the longest that a request under way may take. */
const NOTICED_SECONDS = 8;

export const tomcatKilled: Drill = {
  name: "tomcat-killed",
  title: "A Tomcat server's machine dies",
  runbook: "unhealthy-targets.md",
  hypothesis:
    "Requests that were on their way to the dead server fail, and those that the load balancer sends there until two health checks have failed. No other one does; the database and its clients on other servers notice nothing. A machine in its place serves again.",
  tomcats: 2,
  expect: { writeGapSeconds: 2, readGapSeconds: 2, httpErrors: 8 },
  async run(scene) {
    // Not the first: the load runs beside it.
    const victim = tomcatsOf(scene).at(-1);
    if (!victim || victim === scene.tomcat) throw new Error("this drill takes a second Tomcat server");
    await scene.step("Detect: may I? All servers answer their health check", () =>
      scene.eventually(
        "200 from each",
        async () => {
          const answers = await Promise.all(tomcatsOf(scene).map((one) => ask(scene, one, HEALTH_PATH)));
          return answers.every(({ status }) => status === 200);
        },
        90,
      ),
    );
    await scene.eventually("requests to the server", () => answeredBy(scene, victim.address, 0));
    await scene.fault(`power off ${victim.name}`, () => victim.kill());
    await scene.step(`Detect: ${victim.name} doesn't answer its health check`, async () => {
      const { status } = await ask(scene, victim, HEALTH_PATH);
      scene.prove(`${victim.name} is silent`, status === 0);
    });
    await scene.step("Verify: the other servers go on", async () => {
      await scene.settle(NOTICED_SECONDS);
      const [fault] = scene.faults;
      const from = fault?.from ?? 0;
      const late = requestsSince(scene, from + NOTICED_SECONDS * 1000 - 1000);
      scene.prove(
        "requests were answered afterwards",
        late.some(({ status }) => status > 0 && status < 400),
      );
      scene.prove(
        "requests to the dead server failed",
        requestsSince(scene, from - 1000).some(
          ({ target, status }) => hit(target, victim.address) && status === 0,
        ),
      );
      const others = requestsSince(scene, from).filter(
        ({ target, status }) => !hit(target, victim.address) && (status === 0 || status >= 400),
      );
      scene.measure({ name: "HTTP errors of the other servers", value: others.length, unit: "", atMost: 0 });
    });
    await scene.step(`Recover: the group puts a new machine in the place of ${victim.name}`, async () => {
      await victim.boot();
      await scene.eventually(
        "200 from it",
        async () => (await ask(scene, victim, HEALTH_PATH)).status === 200,
        90,
      );
      scene.measure({ name: "new machine healthy", value: scene.sinceFault(), unit: "s", atMost: 120 });
    });
    const since = scene.sinceFault();
    await scene.step("Verify: it gets requests again and answers them", () =>
      scene.eventually("an answer of the new machine", () =>
        answeredBy(scene, victim.address, (scene.faults[0]?.from ?? 0) + since * 1000),
      ),
    );
  },
};

const hit = (target: string, address: string): boolean => target.startsWith(`${address}:`);

const requestsSince = ({ ledger }: Scene, from: number): readonly RequestEvent[] =>
  ledger.requests.filter(({ sent }) => sent >= from);

const answeredBy = (scene: Scene, address: string, from: number): boolean =>
  requestsSince(scene, from).some(({ target, status }) => hit(target, address) && status > 0 && status < 400);
