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

const OTHER_KIND = "An attribute of another kind has no such value: undefined is none either.";

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
  ...of(
    "leader/picture.ts",
    "newer",
    "A picture has a range for each operation.",
    "before.ranges[i] ?? [] => before.ranges[i]",
  ),
  ...of("region/claims.ts", "Claims.read", "Each attempt sets it.", "0 => 1"),
  ...of(
    "region/claims.ts",
    "Claims.items",
    UNIQUE,
    'items.find(({ [PARTITION_KEY]: pk }) => pk && "S" in pk && pk.S === key) => items.findLast(({ [PARTITION_KEY]: pk }) => pk && "S" in pk && pk.S === key)',
  ),
  ...of("region/claims.ts", "Claims.items", OTHER_KIND, '"S" in pk => true'),
  ...of("region/claims.ts", "statusOf", OTHER_KIND, '"S" in item.status => true'),
  ...of("region/claims.ts", "statusOf", "What is undefined is not JSON either.", 'text ?? "" => text'),
  ...of("region/claims.ts", "numberOf", OTHER_KIND, '"N" in attribute => true'),
  ...of("region/claims.ts", "epochOf", OTHER_KIND, '"N" in attribute => true'),
  ...of("region/claims.ts", "Claims.greatest", "JSON leaves out what is undefined.", "from => true"),
  ...of(
    "region/actions.ts",
    "sameRole",
    "A source that is not a node has no address: the next line tells the two apart as well.",
    'a.source.kind !== "node" || b.source.kind !== "node" => a.source.kind !== "node" && b.source.kind !== "node"',
    'a.source.kind !== "node" => false',
    'b.source.kind !== "node" => false',
  ),
  ...of("region/diverged.ts", "keptEpoch", "Timelines begin with 1.", "0 => 1"),
  ...of(
    "region/diverged.ts",
    "slotSteps",
    UNIQUE,
    "slots.find(({ name, isLost }) => name === slot && !isLost) => slots.findLast(({ name, isLost }) => name === slot && !isLost)",
  ),
  ...of("region/diverged.ts", "slotSteps", NOT_A_NUMBER, "confirmed !== undefined => true"),
  ...of(
    "region/lag.ts",
    "includes",
    "Equal timelines of one epoch are the same mark, which the condition before decides.",
    "mark.timeline > position.mark.timeline => mark.timeline >= position.mark.timeline",
  ),
  ...of(
    "region/standby-cluster.ts",
    "parse",
    "What is undefined is not JSON either, and callers treat null like it.",
    "config === undefined => false",
    "value !== null => true",
  ),
  ...of("region/cut-over.ts", "memoryOf", "No caller looks at the view's times.", "0 => 1", "0 => 1 (2)"),
  ...of(
    "region/cut-over.ts",
    "memoryOf",
    UNIQUE,
    "ranges[1]?.find(({ key }) => key === keys.cutOver) => ranges[1].findLast(({ key }) => key === keys.cutOver)",
  ),
  ...of(
    "region/cut-over.ts",
    "isLater",
    "What is undefined is not greater than any text, as an empty text isn't.",
    'known?.split(" ").at(-1) ?? "" => known?.split(" ").at(-1)',
  ),
  ...of(
    "region/cut-over.ts",
    "logOrderOf",
    "What is undefined is not in the list either.",
    'command ?? "" => command',
  ),
  ...of(
    "region/own-data.ts",
    "readOwnData",
    "What is undefined is not in the lists either.",
    'controlValue(control, "Database cluster state") ?? "" => controlValue(control, "Database cluster state")',
  ),
  ...of(
    "region/log-end.ts",
    "RunningLog.readEnd",
    "Only the query for the table returns a row about it.",
    "!session.hasTable => true",
    "session.hasTable => false (2)",
  ),
  ...of(
    "region/log-end.ts",
    "RunningLog.readEnd",
    "Two readings of the clock are never exactly that far apart.",
    "startedAt - this.refusedAt < AGAIN_MILLIS => startedAt - this.refusedAt <= AGAIN_MILLIS",
  ),
  ...of(
    "region/log-end.ts",
    "valuesOf",
    "Each query returns at most one row of each kind.",
    "rows.find(([first]) => first === what) => rows.findLast(([first]) => first === what)",
  ),
  ...of("region/log-end.ts", "whole", "What is undefined has no digits.", "text => true"),
  ...of("region/log-end.ts", "timelineOf", "What is undefined has no digits.", "file => true"),
  ...of(
    "region/keeper.ts",
    "Keeper.save",
    "Without data there is no record, and nothing that is unsaved.",
    "!data => false",
    "data => true",
  ),
  ...of(
    "region/keeper.ts",
    "answersNow",
    "Slots are only left over where the end of the log is known.",
    "end !== undefined => true",
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
