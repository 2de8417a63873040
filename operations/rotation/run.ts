/**
 * Replaces the passwords of the database's logins while the service runs.
 *
 * An owner has two logins, used in turn: the new one is valid before the first server gets it, and the old one until the
 * last server has gone. The platform's own logins have one password each. Replacing it ends no connection; a node needs it
 * at its next one, and has it within seconds.
 *
 * The secret says at each moment how far a rotation has come, so the same command continues one that broke off.
 */
import { z } from "zod";
import { UserError } from "../../common/errors.js";
import { fingerprint, type LoginSecret, parseLoginSecret } from "../../nodes/bin/login-secret.js";
import { type LoginSession, loginSession, nodeLogins } from "../../nodes/bin/reports.js";
import { act } from "../../nodes/operator-documents.js";
import { loginsOf } from "../../settings/contract.js";
import { leaderOf, must, type Remote } from "../restore/machines.js";
import type { RotationPorts } from "./ports.js";

export const PLATFORM_LOGINS = ["superuser", "replication", "rewind"] as const;
export type PlatformLogin = (typeof PLATFORM_LOGINS)[number];

export type Credential =
  | { readonly kind: "login"; readonly owner: string }
  | { readonly kind: PlatformLogin };

export interface RotationRequest {
  readonly credentials: readonly Credential[];
  /** End sessions that still use the old login, instead of waiting for their clients. */
  readonly endSessions?: boolean;
}

export interface Rotated {
  readonly credential: string;
  /** `unfinished`: the old password may still be valid; the same command continues. */
  readonly result: "rotated" | "unfinished";
  readonly reason: string;
  /** The login that clients use now. */
  readonly username: string;
}

export interface RotationResult {
  readonly outcome: "rotated" | "unfinished" | "declined";
  readonly rotated: readonly Rotated[];
}

/** Five seconds apart, for sessions that are just ending. */
const DRAIN_LOOKS = 4;
const REGIONS = ["home", "recovery"] as const;

export const nameOf = (credential: Credential): string =>
  credential.kind === "login" ? `login ${credential.owner}` : credential.kind;

const unfinished = (credential: Credential, username: string, reason: string): Rotated => ({
  credential: nameOf(credential),
  result: "unfinished",
  reason: `${reason}; then run the same command again: it continues`,
  username,
});

/** @throws UserError when it can't begin, Error when a step fails: the same command continues then */
export async function runRotation(ports: RotationPorts, request: RotationRequest): Promise<RotationResult> {
  const { confirm, say } = ports;
  for (const { owner } of request.credentials.filter((one) => one.kind === "login"))
    if (!ports.owners.includes(owner))
      throw new UserError(
        `login ${owner}`,
        `The settings name ${ports.owners.join(", ")}.`,
        "pass one of them",
      );
  const nodes = await runningNodes(ports);
  await requireLeader(nodes);
  say(planText(ports, request, nodes));
  if ((await confirm("Rotate? (yes/no) ")) !== "yes") return { outcome: "declined", rotated: [] };
  const rotated: Rotated[] = [];
  for (const credential of request.credentials) {
    const one =
      credential.kind === "login"
        ? await rotateOwner(ports, credential, request.endSessions ?? false)
        : await rotatePlatform(ports, credential.kind);
    say(lineOf(one));
    rotated.push(one);
  }
  const isDone = rotated.every(({ result }) => result === "rotated");
  return { outcome: isDone ? "rotated" : "unfinished", rotated };
}

export const lineOf = ({ credential, result, reason }: Rotated): string =>
  `${credential}: ${result}; ${reason}`;

function planText(
  { owners }: RotationPorts,
  { credentials, endSessions }: RotationRequest,
  nodes: readonly Remote[],
): string {
  const lines = credentials.map((credential) => {
    if (credential.kind !== "login")
      return `  ${credential.kind}: replace its password, and let ${nodes.length} nodes fetch it`;
    const [first, second] = loginsOf(credential.owner);
    const clients =
      credential.owner === owners[0]
        ? "replace the Tomcat servers one after another"
        : "wait for its clients";
    return `  login ${credential.owner}: change to the other one of ${first} and ${second}, ${clients}, then refuse the old one${endSessions ? " and end its sessions" : ""}`;
  });
  return ["This will", ...lines].join("\n");
}

async function rotatePlatform(ports: RotationPorts, kind: PlatformLogin): Promise<Rotated> {
  const { secrets, contract, at } = ports;
  const name = contract.secrets[kind];
  let current = await read(ports, name);
  if (current.retiring === undefined) {
    at?.("begin");
    const { username } = current;
    current = { username, password: ports.newPassword(), retiring: username };
    await secrets.write(name, JSON.stringify(current));
  } else await secrets.settle(name);
  const { username, password } = current;
  // From the server's change until a node has the password, that node's new connections are refused: nothing in between.
  const nodes = await runningNodes(ports);
  const leader = await requireLeader(nodes);
  at?.("apply");
  await apply(leader, name);
  at?.("take");
  const missing = await takeAll(nodes, kind, fingerprint(password));
  if (missing.length > 0) return unfinished({ kind }, username, `fix ${missing.join(", ")}`);
  at?.("end");
  await secrets.write(name, JSON.stringify({ username, password }));
  return {
    credential: kind,
    result: "rotated",
    reason: `the old password is refused, and ${nodes.length} running nodes have the new one`,
    username,
  };
}

/** @returns names of nodes that don't have the password, with the reason */
async function takeAll(nodes: readonly Remote[], kind: PlatformLogin, wanted: string): Promise<string[]> {
  const answers = await Promise.all(
    nodes.map(async (node) => {
      try {
        const { fingerprints } = nodeLogins.parse(JSON.parse(await must(node, act("logins-take"))));
        return fingerprints[kind] === wanted ? undefined : `${node.name} (it has another password)`;
      } catch (error) {
        return `${node.name} (${(error as Error).message})`;
      }
    }),
  );
  return answers.filter((answer) => answer !== undefined);
}

async function rotateOwner(
  ports: RotationPorts,
  credential: Extract<Credential, { kind: "login" }>,
  endSessions: boolean,
): Promise<Rotated> {
  const { secrets, contract, at, say } = ports;
  const { owner } = credential;
  const name = contract.ownerSecret(owner);
  let current = await read(ports, name);
  if (current.retiring === undefined) {
    const { username, password } = current;
    let { next } = current;
    if (next) await secrets.settle(name);
    else {
      at?.("begin");
      next = { username: otherLogin(owner, username), password: ports.newPassword() };
      await secrets.write(name, JSON.stringify({ username, password, next }));
    }
    at?.("apply");
    await apply(await requireLeader(await runningNodes(ports)), name);
    say(`  the database accepts ${next.username}`);
    at?.("switch");
    current = { ...next, retiring: username };
    await secrets.write(name, JSON.stringify(current));
  } else await secrets.settle(name);
  const { username, password, retiring, refused } = current as Required<Pick<LoginSecret, "retiring">> &
    LoginSecret;
  if (!refused && owner === ports.owners[0]) {
    at?.("roll");
    for (const region of REGIONS) {
      const servers = await ports.fleets.roll(region);
      if (servers > 0) say(`  replaced ${servers} Tomcat servers of ${region}`);
    }
  }
  const left = refused ? [] : await drained(ports, retiring);
  if (left.length > 0 && !endSessions)
    return unfinished(
      credential,
      username,
      `${left.length} sessions still use ${retiring}, from ${[...new Set(left.map(describe))].join(", ")}: let their clients fetch the secret again, or pass --end-sessions`,
    );
  at?.("refuse");
  await secrets.write(name, JSON.stringify({ username, password, retiring, refused: true }));
  await refuse(ports, name, retiring);
  at?.("end");
  await secrets.write(name, JSON.stringify({ username, password }));
  return {
    credential: nameOf(credential),
    result: "rotated",
    reason: `clients use ${username}, and ${retiring} is refused`,
    username,
  };
}

/**
 * Twice: a session that was there at the first time could have given its login a password again. What is left after the
 * second time has no session of the old login behind it.
 */
async function refuse(ports: RotationPorts, secret: string, login: string): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const nodes = await runningNodes(ports);
    await apply(await requireLeader(nodes), secret);
    await Promise.all(nodes.map((node) => must(node, act("logins-end", { login }))));
  }
}

const otherLogin = (owner: string, username: string): string => {
  const [first, second] = loginsOf(owner);
  return username === first ? second : first;
};

/** @returns the sessions that stay */
async function drained(ports: RotationPorts, login: string): Promise<LoginSession[]> {
  let left: LoginSession[] = [];
  for (let looks = 1; ; looks++) {
    left = [];
    // One after another: a look starts a program on the node.
    for (const node of await runningNodes(ports)) left.push(...(await sessionsAt(node, login)));
    if (left.length === 0 || looks === DRAIN_LOOKS) break;
    await ports.sleep(5000);
  }
  return left;
}

const sessionsAt = async (node: Remote, login: string): Promise<LoginSession[]> =>
  z.array(loginSession).parse(JSON.parse(await must(node, act("logins-sessions", { login }))));

const describe = ({ address, application }: LoginSession): string =>
  `${address ?? "its node"}${application ? ` (${application})` : ""}`;

const read = async ({ secrets }: RotationPorts, name: string): Promise<LoginSecret> =>
  parseLoginSecret(name, await secrets.read(name));

const apply = (leader: Remote, secret: string): Promise<string> =>
  must(leader, act("logins-apply", { secret }));

const runningNodes = async ({ machines }: RotationPorts): Promise<readonly Remote[]> =>
  (await Promise.all(REGIONS.map((region) => machines.members(region)))).flat();

async function requireLeader(nodes: readonly Remote[]): Promise<Remote> {
  const leader = await leaderOf(nodes);
  if (leader) return leader;
  throw new UserError(
    "no node takes writes",
    "Only a leader can change a password.",
    "see runbooks/no-leader.md, then run the same command again",
  );
}
