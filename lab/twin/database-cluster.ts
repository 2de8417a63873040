/** One region's database cluster as its own nodes describe it. */
import { DATA_DIRECTORY, TLS_FILES } from "../../nodes/layout.js";
import type { RegionContract } from "../../settings/contract.js";
import { PORTS } from "../../settings/contract.js";
import type { Machine, Twin } from "./types.js";

/** A member as Patroni lists it. */
export interface Member {
  readonly name: string;
  readonly role: "leader" | "standby_leader" | "sync_standby" | "quorum_standby" | "replica";
  readonly state: string;
  readonly timeline?: number;
  /** Bytes behind the leader; undefined on the leader, "unknown" when Patroni doesn't know. */
  readonly lag?: number | "unknown";
}

const LEADS: readonly Member["role"][] = ["leader", "standby_leader"];
const PATIENCE_MILLIS = 180_000;
const POLL_MILLIS = 100;

export class DatabaseCluster {
  constructor(
    private readonly twin: Twin,
    readonly region: RegionContract,
  ) {}

  /** Living machines of the voters. */
  nodes(): Machine[] {
    return this.region.databaseNodes.map(({ name }) => this.twin.machine(name)).filter(({ alive }) => alive);
  }

  /**
   * The machine whose Patroni says that it leads; undefined when none does. Asks `/leader` of each node: the
   * member list of a node that has just reconnected may be stale.
   */
  async leader(): Promise<Machine | undefined> {
    const answers = await Promise.all(
      this.nodes().map(async (machine) =>
        (await this.patroni(machine, "/leader")).status === 200 ? machine : undefined,
      ),
    );
    return answers.find((machine) => machine !== undefined);
  }

  /** Members as the leader sees them; empty without a leader. */
  async members(): Promise<Member[]> {
    const leader = await this.leader();
    if (!leader) return [];
    const { body } = await this.patroni(leader, "/cluster");
    return ((body as { members?: Member[] } | undefined)?.members ?? []) as Member[];
  }

  /** Asks a node's Patroni, on the node itself. Status 0 when it doesn't answer. */
  async patroni(
    machine: Machine,
    path: string,
    {
      method = "GET",
      body,
      timeoutSeconds = 2,
    }: { method?: string; body?: unknown; timeoutSeconds?: number } = {},
  ): Promise<{ status: number; body?: unknown }> {
    const { stdout } = await machine
      .run(
        [
          ...["curl", "--silent", "--max-time", `${timeoutSeconds}`, "--request", method],
          ...["--cacert", TLS_FILES.authority, "--cert", TLS_FILES.certificate, "--key", TLS_FILES.key],
          ...(body === undefined
            ? []
            : ["--header", "content-type: application/json", "--data", JSON.stringify(body)]),
          ...["--write-out", "\n%{http_code}", `https://${machine.address}:${PORTS.patroni}${path}`],
        ],
        { timeoutMillis: timeoutSeconds * 1000 + 3000 },
      )
      // It may die during the query.
      .catch(() => ({ stdout: "" }));
    const at = stdout.lastIndexOf("\n");
    const text = stdout.slice(0, Math.max(at, 0));
    return { status: Number(stdout.slice(at + 1)) || 0, body: text ? tryParse(text) : undefined };
  }

  /** Runs SQL as the superuser on one machine; @returns rows of fields. @throws Error with psql's words. */
  async sql(machine: Machine, statement: string, database = "postgres"): Promise<string[][]> {
    const { exitCode, stdout, stderr } = await machine.run(
      ["psql", "-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", database],
      { user: "postgres", input: statement, timeoutMillis: 30_000 },
    );
    if (exitCode !== 0) throw new Error(`${machine.name}: ${stderr.trim()}`);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t"));
  }

  /** Whether there is a leader and every voter follows it, streaming, one of them synchronously. */
  async isSettled(): Promise<boolean> {
    const members = await this.members();
    const voters = new Set(this.region.databaseNodes.map(({ name }) => name));
    const own = members.filter(({ name }) => voters.has(name));
    const leader = own.find(({ role }) => LEADS.includes(role));
    if (!leader || own.length !== voters.size) return false;
    const followers = own.filter((member) => member !== leader);
    const follow = followers.every(
      ({ state, timeline }) => state === "streaming" && timeline === leader.timeline,
    );
    // A standby leader has no synchronous standbys.
    const synchronous =
      leader.role === "standby_leader" ||
      followers.filter(({ role }) => role !== "replica").length === followers.length;
    return follow && synchronous;
  }

  /**
   * A cluster that came into being at the second attempt looks well. But what the first one left, in the vault for example,
   * doesn't fit it. @throws Error when a node's first attempt failed: Patroni has moved its data aside then.
   */
  async requireFirstBootstrap(): Promise<void> {
    for (const machine of this.nodes()) {
      const { exitCode } = await machine.run(["test", "-e", `${DATA_DIRECTORY}.failed`]);
      if (exitCode === 0)
        throw new Error(`${machine.name} failed to create the cluster: see its patroni.log`);
    }
  }

  /** Settles when `isSettled`. @throws Error with the member list when it takes longer than three: a machine can be busy. */
  async settled(): Promise<void> {
    const end = performance.now() + PATIENCE_MILLIS;
    while (!(await this.isSettled())) {
      if (performance.now() > end) {
        const members = JSON.stringify(await this.members());
        throw new Error(
          `${this.region.vpcName} did not settle within ${PATIENCE_MILLIS / 1000} s; its members: ${members}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
    }
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
