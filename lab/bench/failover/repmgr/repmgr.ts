/** A repmgr cluster as a system under test. */

import type { Progress } from "../../../../common/progress.js";
import { allEnded } from "../../../../common/settle.js";
import { machinesOf } from "../../../../nodes/machines.js";
import { type Contract, contractOf } from "../../../../settings/contract.js";
import type { SharedSettings } from "../../../../settings/schema.js";
import { aliveTomcat } from "../../../drills/scene.js";
import { until } from "../../../drills/until.js";
import { DatabaseCluster } from "../../../twin/database-cluster.js";
import { ensureImage } from "../../../twin/image.js";
import { LocalTwin } from "../../../twin/local-twin.js";
import { Platform } from "../../../twin/platform.js";
import { twinDir } from "../../../twin/record.js";
import { twinSettings } from "../../../twin/settings.js";
import type { Machine, MachineSpec } from "../../../twin/types.js";
import { replicationFlaws, type Subject, soleLeader, type Wound } from "../subject.js";
import { renderRepmgrUserData } from "./files.js";

/** The twin has no AWS account; names that carry one need some number. */
const ACCOUNT_ID = "000000000000";
/** From the last node's registration until all know each other. */
const MADE_WITHIN_SECONDS = 60;

export class RepmgrSubject implements Subject {
  readonly database: DatabaseCluster;

  private constructor(
    readonly twin: LocalTwin,
    private readonly settings: SharedSettings,
    private readonly contract: Contract,
  ) {
    this.database = new DatabaseCluster(twin, contract.home);
  }

  static async open(progress: Progress): Promise<RepmgrSubject> {
    const settings = await twinSettings();
    const contract = contractOf(settings, ACCOUNT_ID);
    const { root, payload } = await ensureImage(progress);
    const twin = await LocalTwin.open({ dir: twinDir(), regions: ["home"], layers: [payload, root] });
    const subject = new RepmgrSubject(twin, settings, contract);
    try {
      await new Platform(twin, contract).provide(settings, ["home"]);
      const specs = subject.specs();
      await progress.during(`start ${specs.length} machines`, () =>
        allEnded(specs.map((spec) => twin.add(spec))),
      );
      await progress.during("wait for a primary and its standbys", async () => {
        // Joins the start that the user data began, and fails when that does.
        await Promise.all(subject.nodes.map((node) => node.systemctl("start", "dr-repmgr.service")));
        await until("a repmgr cluster", MADE_WITHIN_SECONDS, () => subject.isWhole());
      });
      return subject;
    } catch (error) {
      await twin.close({ keep: true });
      throw error;
    }
  }

  get nodes(): readonly Machine[] {
    return this.contract.home.databaseNodes.map(({ name }) => this.twin.machine(name));
  }
  get tomcat(): Machine {
    return aliveTomcat(this.twin, this.contract.home);
  }
  get application() {
    return {
      database: this.settings.databases[0]?.name as string,
      secret: this.contract.secrets.application,
    };
  }

  async flaws(): Promise<string[]> {
    const leader = await soleLeader(this);
    const found = await replicationFlaws(this);
    const rows = await this.database.sql(
      leader,
      "SELECT n.node_name, n.type, n.active, coalesce(u.node_name, '') FROM repmgr.nodes n LEFT JOIN repmgr.nodes u ON u.node_id = n.upstream_node_id;",
      "repmgr",
    );
    for (const machine of this.nodes) {
      const leads = machine.name === leader.name;
      const [, type, active, upstream] = rows.find(([name]) => name === machine.name) ?? [];
      if (type !== (leads ? "primary" : "standby"))
        found.push(`repmgr has ${machine.name} as ${type ?? "nothing"}`);
      if (active !== "t") found.push(`repmgr has ${machine.name} as inactive`);
      if (!leads && upstream !== leader.name) found.push(`${machine.name} follows ${upstream || "no node"}`);
      if (!(await machine.isActive("dr-repmgrd"))) found.push(`no repmgrd on ${machine.name}`);
    }
    return found;
  }

  /**
   * A node that comes back by itself would be a second primary: repmgr leaves it to people to keep it away and to
   * rejoin it. The benchmark wipes it and clones the new primary.
   */
  async heal({ kind, machine }: Wound): Promise<void> {
    if (kind === "none") return;
    const nodes = this.nodes.filter(({ name }) => name !== machine.name);
    const leader = await soleLeader({ tomcat: this.tomcat, nodes });
    if (kind === "dead") await machine.boot();
    if (kind === "frozen") {
      await machine.cut();
      await machine.thaw();
    }
    if (kind === "cut" || kind === "frozen") {
      await machine.systemctl("stop", "dr-repmgrd.service");
      await machine.systemctl("stop", "dr-postgres.service");
      await machine.heal();
    }
    const { exitCode, stderr } = await machine.run(["/usr/local/sbin/dr-repmgr", "join", leader.address], {
      timeoutMillis: 120_000,
    });
    if (exitCode !== 0) throw new Error(`${machine.name} did not rejoin: ${stderr.trim().slice(-300)}`);
  }

  close(options: { readonly keep: boolean }): Promise<void> {
    return this.twin.close(options);
  }

  private specs(): MachineSpec[] {
    const volumeMib = this.settings.database.volumeGib * 1024;
    const nodes = this.contract.home.databaseNodes.map(
      (node): MachineSpec => ({
        name: node.name,
        role: "database",
        region: "home",
        address: node.address,
        userData: renderRepmgrUserData(this.settings, this.contract, node),
        volumeMib,
      }),
    );
    const servers = machinesOf(this.settings, this.contract, "home", { tomcats: 1 });
    return [...nodes, ...servers.filter(({ role }) => role === "tomcat")];
  }

  private async isWhole(): Promise<boolean> {
    const found = await this.flaws();
    if (found.length > 0) throw new Error(found.join("; "));
    return true;
  }
}
