import { describe, expect, test } from "vitest";
import { fingerprint, type LoginSecret } from "../../nodes/bin/login-secret.js";
import type { LoginSession } from "../../nodes/bin/reports.js";
import { ownerChanges, platformChanges } from "../../nodes/bin/verbs/login-changes.js";
import { isVerifierOf } from "../../nodes/bin/verbs/scram.js";
import type { Remote } from "../../operations/restore/machines.js";
import { credentialsNamed } from "../../operations/rotation/guided.js";
import type { RotationPorts, RotationStep } from "../../operations/rotation/ports.js";
import { type Credential, type RotationResult, runRotation } from "../../operations/rotation/run.js";
import { spoken } from "../support/acts.js";
import { CONTRACT as contract } from "./observations.js";

const REPLICATION = contract.secrets.replication;
const APP = contract.ownerSecret("app");

/** Two regions with the statements of the real nodes, and with servers that hold the login they have fetched. */
class World {
  readonly secrets = new Map<string, string>([
    [REPLICATION, JSON.stringify({ username: "replicator", password: "old" })],
    [APP, JSON.stringify({ username: "app", password: "old" })],
  ]);
  roles: Record<string, string | null> = { replicator: null, app: null };
  /** Logins that servers use now, by region. */
  servers: Record<string, string> = { home: "app", recovery: "app" };
  held: Record<string, string> = {};
  sessions: LoginSession[] = [];
  readonly commands: string[] = [];
  readonly said: string[] = [];
  readonly down = new Set<string>();
  /** What must hold at each moment: whether every login that a running or a booting server could use is accepted. */
  readonly refused: string[] = [];
  private made = 0;

  constructor() {
    this.apply();
    this.commands.length = 0;
    for (const region of [contract.home, contract.recovery])
      for (const { name } of region.databaseNodes) this.held[name] = "old";
  }

  secret(name: string): LoginSecret {
    return JSON.parse(this.secrets.get(name) as string) as LoginSecret;
  }

  accepts(username: string, password: string): boolean {
    const verifier = this.roles[username];
    return typeof verifier === "string" && isVerifierOf(verifier, password);
  }

  ports(at?: (step: RotationStep) => void, answer: "yes" | "no" = "yes"): RotationPorts {
    return {
      contract,
      owners: ["app", "crm"],
      machines: {
        nodes: async (id) => this.nodes(id),
        members: async (id) => this.nodes(id),
      },
      secrets: {
        read: async (name) => this.secrets.get(name) as string,
        write: async (name, text) => {
          this.secrets.set(name, text);
          this.look();
        },
        settle: async () => {},
      },
      fleets: {
        roll: async (region) => {
          this.commands.push(`roll ${region}`);
          this.servers[region] = this.secret(APP).username;
          return 1;
        },
      },
      newPassword: () => `new${++this.made}`,
      confirm: async () => answer,
      say: (text) => void this.said.push(text),
      sleep: async () => {},
      at,
    };
  }

  private nodes(id: "home" | "recovery"): Remote[] {
    return contract[id].databaseNodes
      .filter(({ name }) => !this.down.has(name))
      .map(({ name }) => ({
        name,
        run: async (what) => {
          const command = spoken(what).replaceAll("'", "");
          const stdout = this.answer(name, command);
          this.look();
          return stdout === undefined
            ? { exitCode: 1, stdout: "", stderr: "it failed" }
            : { exitCode: 0, stdout, stderr: "" };
        },
      }));
  }

  private answer(name: string, command: string): string | undefined {
    if (command.endsWith("status"))
      return JSON.stringify({ active: name === contract.home.databaseNodes[1]?.name });
    this.commands.push(`${name}: ${command}`);
    const [, verb, login] = command.split(" ");
    if (verb === "apply") return this.apply(login);
    if (verb === "take") {
      this.held[name] = this.secret(REPLICATION).password;
      return JSON.stringify({ changed: true, fingerprints: { replication: fingerprint(this.held[name]) } });
    }
    if (verb === "sessions") return JSON.stringify(login === "app" ? this.sessions : []);
    if (verb === "end") {
      this.sessions = [];
      return "0";
    }
    return undefined;
  }

  private apply(only?: string): string {
    const changes = [
      ...(only === APP ? [] : platformChanges(this.secret(REPLICATION), this.roles)),
      ...(only === REPLICATION ? [] : ownerChanges("app", this.secret(APP), this.roles)),
    ];
    for (const { statement } of changes) {
      const [, role = ""] = /ROLE "(\w+)"/.exec(statement) ?? [];
      const [, verifier] = /PASSWORD '([^']+)'/.exec(statement) ?? [];
      if (statement.startsWith("CREATE")) this.roles = { ...this.roles, [role]: null };
      if (verifier) this.roles = { ...this.roles, [role]: verifier };
      if (statement.endsWith("PASSWORD NULL")) this.roles = { ...this.roles, [role]: null };
    }
    return "[]";
  }

  private look(): void {
    const { username, password } = this.secret(APP);
    if (!this.accepts(username, password)) this.refused.push(`a server that boots, as ${username}`);
    for (const login of Object.values(this.servers))
      if (this.roles[login] === null) this.refused.push(`a running server, as ${login}`);
  }
}

const login = (owner: string): Credential => ({ kind: "login", owner });
const rotate = (
  world: World,
  credential: Credential,
  at?: (step: RotationStep) => void,
  endSessions?: boolean,
) => runRotation(world.ports(at), { credentials: [credential], endSessions });

describe("rotating an owner's login", () => {
  test("changes to the other one of two; no server is refused at any moment, and the old login is at the end", async () => {
    const world = new World();
    expect(await rotate(world, login("app"))).toEqual({
      outcome: "rotated",
      rotated: [
        {
          credential: "login app",
          result: "rotated",
          reason: "clients use app_alt, and app is refused",
          username: "app_alt",
        },
      ],
    });
    expect(world.refused).toEqual([]);
    expect(world.secret(APP)).toEqual({ username: "app_alt", password: "new1" });
    expect(world.accepts("app_alt", "new1")).toBe(true);
    expect(world.accepts("app", "old")).toBe(false);
    expect(world.servers).toEqual({ home: "app_alt", recovery: "app_alt" });
    // The next one changes back, with another password.
    await rotate(world, login("app"));
    expect(world.secret(APP)).toEqual({ username: "app", password: "new2" });
    expect(world.accepts("app_alt", "new1")).toBe(false);
  });

  const steps: RotationStep[] = ["begin", "apply", "switch", "roll", "refuse", "end"];
  test.each(steps)("one that breaks off before %s continues when it is run again", async (broken) => {
    const world = new World();
    const breaks = rotate(world, login("app"), (step) => {
      if (step === broken) throw new Error("the operator's machine is gone");
    });
    await expect(breaks).rejects.toThrow("is gone");
    expect(world.refused).toEqual([]);
    expect((await rotate(world, login("app"))).outcome).toBe("rotated");
    expect(world.refused).toEqual([]);
    expect(world.secret(APP)).toEqual({ username: "app_alt", password: "new1" });
    const { username, password, ...rest } = world.secret(APP);
    expect(rest).toEqual({});
    expect(world.accepts(username, password)).toBe(true);
    expect(world.accepts("app", "old")).toBe(false);
    const refused = username === "app" ? "app_alt" : "app";
    expect(world.roles[refused] ?? null).toBeNull();
  });

  test("a client that keeps the old login keeps it valid, unless its sessions may be ended", async () => {
    const world = new World();
    world.sessions = [{ address: "10.10.16.9", application: "report", since: "2026-03-01T12:00:00Z" }];
    const { outcome, rotated } = await rotate(world, login("app"));
    expect(outcome).toBe("unfinished");
    expect(rotated[0]?.reason).toContain("sessions still use app, from 10.10.16.9 (report)");
    expect(world.accepts("app", "old")).toBe(true);
    expect((await rotate(world, login("app"), undefined, true)).outcome).toBe("rotated");
    expect(world.sessions).toEqual([]);
    expect(world.accepts("app", "old")).toBe(false);
    expect(world.secret(APP).password).toBe("new1");
  });

  test("ends sessions after each refusal, and refuses again: a session could have given itself a password", async () => {
    const world = new World();
    await rotate(world, login("app"));
    const order = world.commands
      .map((command) => command.replace(/^.*dr-logins /, ""))
      .filter((word) => word === `apply ${APP}` || word === "end app");
    const once = order.slice(1, 8);
    expect(once).toEqual([`apply ${APP}`, ...Array.from({ length: 6 }, () => "end app")]);
    expect(order.slice(8)).toEqual(once);
  });

  test("an owner that the settings don't name is refused before anything happens", async () => {
    const world = new World();
    await expect(rotate(world, login("app_alt"))).rejects.toThrow("login app_alt");
    expect(world.commands).toEqual([]);
  });
});

describe("rotating a login of the platform", () => {
  const finished = (world: World) => {
    const { username, password, ...rest } = world.secret(REPLICATION);
    expect(rest).toEqual({});
    expect(world.accepts(username, password)).toBe(true);
    expect(world.accepts(username, "old")).toBe(false);
    expect(new Set(Object.values(world.held))).toEqual(new Set([password]));
  };

  test("the leader changes it, then every node of both regions fetches it", async () => {
    const world = new World();
    const result: RotationResult = await rotate(world, { kind: "replication" });
    expect(result.rotated).toEqual([
      {
        credential: "replication",
        result: "rotated",
        reason: "the old password is refused, and 6 running nodes have the new one",
        username: "replicator",
      },
    ]);
    finished(world);
    const [first, ...others] = world.commands;
    expect(first).toBe(`${contract.home.databaseNodes[1]?.name}: dr-logins apply ${REPLICATION}`);
    expect(others.map((command) => command.split(": ")[1])).toEqual(
      Array.from({ length: 6 }, () => "dr-logins take"),
    );
  });

  test.each<RotationStep>(["begin", "apply", "take", "end"])(
    "one that breaks off before %s continues, with the same password",
    async (broken) => {
      const world = new World();
      const breaks = rotate(world, { kind: "replication" }, (step) => {
        if (step === broken) throw new Error("gone");
      });
      await expect(breaks).rejects.toThrow("gone");
      expect((await rotate(world, { kind: "replication" })).outcome).toBe("rotated");
      finished(world);
      expect(world.secret(REPLICATION).password).toBe("new1");
    },
  );

  test("it isn't finished while a running node has the old one; a node that is down fetches it when it boots", async () => {
    const world = new World();
    const [first, , third] = contract.recovery.databaseNodes;
    world.down.add(third?.name as string);
    const ports = world.ports();
    const nodes = ports.machines.members;
    const deaf: RotationPorts = {
      ...ports,
      machines: {
        ...ports.machines,
        members: async (id) =>
          (await nodes(id)).map((node) =>
            node.name === first?.name ? { ...node, run: async () => FAILED } : node,
          ),
      },
    };
    const { rotated } = await runRotation(deaf, { credentials: [{ kind: "replication" }] });
    expect(rotated[0]?.result).toBe("unfinished");
    expect(rotated[0]?.reason).toContain(`fix ${first?.name}`);
    expect(world.secret(REPLICATION).retiring).toBe("replicator");
    expect((await rotate(world, { kind: "replication" })).rotated[0]?.reason).toContain("5 running nodes");
  });
});

const FAILED = { exitCode: 255, stdout: "", stderr: "unreachable" };

test("nothing happens without a yes, or without a leader", async () => {
  const world = new World();
  const request = { credentials: [login("app")] };
  expect(await runRotation(world.ports(undefined, "no"), request)).toEqual({
    outcome: "declined",
    rotated: [],
  });
  expect(world.said.join("\n")).toContain("change to the other one of app and app_alt");
  for (const { name } of contract.home.databaseNodes) world.down.add(name);
  await expect(runRotation(world.ports(), request)).rejects.toThrow("no node takes writes");
  expect(world.commands).toEqual([]);
});

test("no password is said or sent to a node", async () => {
  const world = new World();
  await rotate(world, login("app"));
  await rotate(world, { kind: "replication" });
  expect([...world.said, ...world.commands].join("\n")).not.toMatch(/\bold['"]|new\d/);
});

describe("what can be rotated", () => {
  test("all is everything, the applications last", () => {
    expect(credentialsNamed({ what: "all" }, ["app", "crm"])).toEqual([
      { kind: "superuser" },
      { kind: "replication" },
      { kind: "rewind" },
      login("app"),
      login("crm"),
    ]);
  });
  test.each([
    ["login without an owner", { what: "login" }, "rotate login"],
    ["an owner of something else", { what: "rewind", owner: "app" }, "rotate rewind app"],
    ["anything else", { what: "cipher" }, "rotate cipher"],
  ])("%s is refused", (_, named, message) => {
    expect(() => credentialsNamed(named, ["app"])).toThrow(message);
  });
});
