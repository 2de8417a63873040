/** Mutants that no test can notice, and why: key (`keyOf` in `mutants.ts`) → one sentence. */

const CALLERS = "Every caller has made sure of it: the check is there for the compiler.";
const NOT_A_NUMBER =
  "What is undefined makes the difference NaN, which compares as false, as the other branch does.";
const CALM =
  "A suspicion is calm exactly where no node is to be probed and nothing is due: each part says it all.";
const RUNNING = "The monotonic clock of a running machine is past the first millisecond.";

const of = (file: string, within: string, why: string, ...changes: string[]) =>
  Object.fromEntries(changes.map((change) => [`${file} ${within}: ${change}`, why]));

const UNIQUE = "Names are unique: there is at most one to find.";

const LEADER = "leader/leader-decision.ts";
const KEYS = "leader/leader-keys.ts";
const SHELL = "leader/guard.ts";

export const EQUIVALENT: Readonly<Record<string, string>> = {
  ...of(LEADER, "renew", CALLERS, "!view?.leader => false", "view?.leader => true"),
  ...of(LEADER, "descendsFrom", NOT_A_NUMBER, "timeline !== undefined => true"),
  ...of(
    LEADER,
    "descendsFrom",
    "Equal timelines are decided a line before.",
    "timeline > floor => timeline >= floor",
  ),
  ...of(LEADER, "hasRunOut", NOT_A_NUMBER, "since !== undefined => true"),
  ...of(LEADER, "openAsLeader", RUNNING, "0 => 1"),
  ...of(LEADER, "onView", CALLERS, "!view => false", "view => true", "view.heartbeat => true"),
  ...of(LEADER, "onLocal", CALLERS, "!local => false", "local => true"),
  ...of(
    LEADER,
    "openByKey",
    "A key without time to live opens until the reading began, which is past: `open` refuses. Whole seconds are 0 or 990 ms and more.",
    "ttlMillis <= 0 => false",
    "ttlMillis <= 0 => ttlMillis < 0",
    "0 => 1 (2)",
  ),
  ...of(
    LEADER,
    "succeed",
    CALM,
    "!suspect.probe && !suspect.due && suspect.calm => !suspect.probe && !suspect.due || suspect.calm",
    "!suspect.probe && !suspect.due => true",
    "!suspect.probe && !suspect.due => !suspect.probe || !suspect.due",
    "!suspect.probe => true",
    "suspect.probe => false (2)",
    "!suspect.due => true",
    "suspect.due => false",
    "suspect.calm => true",
  ),
  ...of(LEADER, "succeed", CALLERS, "action => true"),
  ...of(
    SHELL,
    "Guard.carryOut",
    "A renewal is only decided on a view.",
    "!before => false",
    "before => true",
  ),
  ...of(
    SHELL,
    "Guard.addressOf",
    UNIQUE,
    "this.config.members.find(({ name }) => name === node) => this.config.members.findLast(({ name }) => name === node)",
  ),
  ...of(
    SHELL,
    "Guard.attempt",
    "No caller waits for it.",
    'await work.catch((error) => { this.port = "unknown"; this.ports.log(`${what}-failed`, { error: String(error) }); }) => work.catch((error) => { this.port = "unknown"; this.ports.log(`${what}-failed`, { error: String(error) }); })',
  ),
  ...of(
    KEYS,
    "viewOf",
    UNIQUE,
    "guards.find(({ key }) => key === keys.heartbeat) => guards.findLast(({ key }) => key === keys.heartbeat)",
  ),
  ...of(
    KEYS,
    "patroniKeys",
    UNIQUE,
    "range.find(({ key }) => key === name) => range.findLast(({ key }) => key === name)",
    "range.find(({ key }) => key === keys.config) => range.findLast(({ key }) => key === keys.config)",
  ),
  ...of(
    KEYS,
    "regionKeys",
    UNIQUE,
    "guards.find(({ key }) => key === name) => guards.findLast(({ key }) => key === name)",
  ),
  ...of(
    KEYS,
    "retryTimeoutOf",
    "What is undefined is not JSON either, and the default applies.",
    'config ?? "{}" => config',
  ),
  ...of("region/lead.ts", "lead", NOT_A_NUMBER, "state.term?.since ?? 0 => state.term?.since"),
  ...of("region/lead.ts", "lead", RUNNING, "0 => 1"),
  ...of("region/lead.ts", "lead", "A ticket that waits has no opening.", 'ticket.kind === "go" => true'),
  ...of("region/lead.ts", "promote", CALLERS, 'role.kind === "standby" => true'),
  ...of("region/lead.ts", "promote", NOT_A_NUMBER, "state.releaseSeen?.at ?? now => state.releaseSeen?.at"),
  ...of("region/region-decision.ts", "decideRegion", RUNNING, "0 => 1"),
  ...of(
    "region/region-decision.ts",
    "peerIsSilent",
    "Without a reading the region counts as unsettled, which the code checks first.",
    "reading !== undefined => true",
  ),
  ...of(
    "region/region-decision.ts",
    "isUnsettled",
    "No epoch is below 0: without a claim the comparison before is false.",
    "peer > 0 => true",
    "peer > 0 => peer >= 0",
  ),
  ...of("region/ticket.ts", "ticketOf", CALLERS, "theirs.demoted => true"),
  ...of("region/ticket.ts", "isSilenced", "Lease and margin are seconds.", "0 => 1"),
  ...of("region/ticket.ts", "isAtRest", NOT_A_NUMBER, "since !== undefined => true"),
  ...of("region/yield.ts", "yieldTo", NOT_A_NUMBER, "state.term?.since ?? 0 => state.term?.since"),
  ...of("region/yield.ts", "yieldTo", NOT_A_NUMBER, "state.nameOnlySince ?? now => state.nameOnlySince"),
  ...of("region/yield.ts", "yieldTo", RUNNING, "0 => 1"),
};
