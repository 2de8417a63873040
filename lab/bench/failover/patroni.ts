/** This project's nodes as a system under test: as its settings make them, or with Patroni's defaults in the settings. */

import type { Progress } from "../../../common/progress.js";
import { GUARD_PROGRAM, TLS_FILES } from "../../../nodes/layout.js";
import { clusterConfig } from "../../../nodes/render/cluster-config.js";
import { PORTS } from "../../../settings/contract.js";
import type { RawSettings } from "../../../settings/parse.js";
import { flaws, viewCluster } from "../../drills/cluster.js";
import { aliveTomcat } from "../../drills/scene.js";
import { until } from "../../drills/until.js";
import { openTwin, type RegionTwin } from "../../twin/open.js";
import { twinSettings } from "../../twin/settings.js";
import type { Machine } from "../../twin/types.js";
import { replicationFlaws, type Subject, soleLeader, type Wound } from "./subject.js";

/**
 * Patroni without any special configuration: detection by the leader key's ttl, a crashed leader given five
 * minutes to start again. The objective is raised because the settings' checks compute the worst case from these.
 * Source: https://patroni.readthedocs.io/en/latest/dynamic_configuration.html
 */
export const PATRONI_DEFAULTS: RawSettings = {
  failover: {
    leaderLease: false,
    ttlSeconds: 30,
    loopWaitSeconds: 10,
    retryTimeoutSeconds: 10,
    primaryStartTimeoutSeconds: 300,
  },
  objectives: { nodeRtoSeconds: 600 },
};

export class PatroniSubject implements Subject {
  readonly etcdLeader = (butOf?: Machine): Promise<Machine> =>
    etcdLeader(this.nodes.filter(({ name }) => name !== butOf?.name));
  readonly switchover: (from: Machine, to: Machine) => Promise<void>;

  private constructor(
    private readonly running: RegionTwin,
    /** Whether Patroni's defaults are measured, not this project's settings. */
    private readonly plain: boolean,
  ) {
    this.switchover = plain ? this.byPatroni : this.byGuard;
  }

  static async open(progress: Progress, plain: boolean): Promise<PatroniSubject> {
    const settings = await twinSettings(plain ? PATRONI_DEFAULTS : {});
    const subject = new PatroniSubject(await openTwin({ progress, settings }), plain);
    try {
      if (plain) await subject.oneNamedStandby();
      return subject;
    } catch (error) {
      await subject.close({ keep: true });
      throw error;
    }
  }

  get twin() {
    return this.running.twin;
  }
  get nodes() {
    return this.running.contract.home.databaseNodes.map(({ name }) => this.twin.machine(name));
  }
  get tomcat() {
    return aliveTomcat(this.twin, this.running.contract.home);
  }
  get database() {
    return this.running.database("home");
  }
  get application() {
    return {
      database: this.running.settings.databases[0]?.name as string,
      secret: this.running.contract.secrets.application,
    };
  }

  async flaws(): Promise<string[]> {
    const names = this.nodes.map(({ name }) => name);
    const view = await viewCluster(this.tomcat, this.nodes);
    // In Patroni's plain synchronous mode one standby is synchronous, and the other is as healthy.
    const members = this.plain
      ? view?.members.map((member) =>
          member.role === "replica" ? { ...member, role: "sync_standby" } : member,
        )
      : view?.members;
    const found = flaws(view && { ...view, members: members ?? [] }, names);
    const chosen = view?.members.some(({ role }) => role === "sync_standby" || role === "quorum_standby");
    if (view && !chosen) found.push("Patroni has no synchronous standby");
    return found.length > 0 ? found : replicationFlaws(this);
  }

  async heal({ kind, machine }: Wound): Promise<void> {
    switch (kind) {
      case "dead":
        return machine.boot();
      case "cut":
        return machine.heal();
      case "frozen":
        return machine.thaw();
      case "etcd down":
        await machine.systemctl("start", "etcd.service");
        return;
      // Patroni starts it again, or another has taken over and this one follows.
      case "crashed":
      case "none":
        return;
      default:
        kind satisfies never;
    }
  }

  close(options: { readonly keep: boolean }): Promise<void> {
    return this.running.close(options);
  }

  /**
   * Patroni's plain `synchronous_mode: true`: one standby, named, for which commits wait. The nodes take it over
   * as they take over any change of the settings, from the cluster parameter; it can't be set in settings, which
   * always ask for a quorum.
   */
  private async oneNamedStandby(): Promise<void> {
    const { contract, settings } = this.running;
    const config = clusterConfig(settings, contract, "home");
    const plain = { ...config, patroni: { ...config.patroni, synchronous_mode: true } };
    await this.twin.put("parameters", contract.home.clusterParameter, JSON.stringify(plain));
    const leader = await soleLeader(this);
    await leader.systemctl("start", "dr-reconcile.service");
    await until("one named synchronous standby", 60, async () => {
      const states = await this.database.sql(leader, "SELECT sync_state FROM pg_stat_replication;");
      return states.filter(([state]) => state === "sync").length === 1 && !states.flat().includes("quorum");
    });
  }

  private readonly byGuard = async (from: Machine, to: Machine): Promise<void> => {
    const { exitCode, stdout, stderr } = await from.run(
      ["/usr/bin/node", GUARD_PROGRAM, "switchover", to.name],
      { timeoutMillis: 30_000 },
    );
    if (exitCode !== 0) throw new Error(`guard switchover ended with ${exitCode}: ${stderr || stdout}`);
  };

  private readonly byPatroni = async (from: Machine, to: Machine): Promise<void> => {
    const { status, body } = await this.database.patroni(from, "/switchover", {
      method: "POST",
      body: { leader: from.name, candidate: to.name },
      timeoutSeconds: 90,
    });
    if (status !== 200) throw new Error(`Patroni answered ${status}: ${JSON.stringify(body)}`);
  };
}

interface EndpointStatus {
  readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } };
}

async function etcdLeader(nodes: readonly Machine[]): Promise<Machine> {
  for (const machine of nodes) {
    const { stdout } = await machine.run(
      [
        ...["etcdctl", "--endpoints", `https://${machine.address}:${PORTS.etcdClient}`],
        ...["--cacert", TLS_FILES.authority, "--cert", TLS_FILES.certificate],
        ...["--key", TLS_FILES.key, "endpoint", "status", "--write-out", "json"],
      ],
      { env: { ETCDCTL_API: "3" } },
    );
    const [status] = stdout ? (JSON.parse(stdout) as EndpointStatus[]) : [];
    // Both ids come through JSON's doubles, rounded alike.
    if (status && status.Status.leader === status.Status.header.member_id) return machine;
  }
  throw new Error("no etcd leads");
}
