/**
 * All that a restore, a cut-over or a rotation of passwords runs on machines: named commands with parameters. On AWS each is a document of Systems
 * Manager, and an operator's role may send no other; the twin runs the same text. No Pulumi here.
 *
 * A parameter reaches the command as an environment variable, so it is never read as shell; and it must match its pattern,
 * which Systems Manager checks before it sends anything. `$SSM_…` without quotes is for patterns that leave plain words only.
 * Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-syntax-data-elements-parameters.html
 */
import { GUARD_PROGRAM } from "./layout.js";
import { NODE_ENV_FILE, SECRETS_FILE } from "./render/node-env.js";

/** Paths of a restore by hand, separate from those of a restore test. */
export const BY_HAND = {
  data: "/var/lib/dr/by-hand/data",
  sockets: "/var/lib/dr/by-hand/data.restore/socket",
  port: 5499,
  report: "/var/lib/dr/restored.json",
} as const;
const LIVE = { sockets: "/var/run/postgresql", port: 5432 };
const CUT_OVER_REPORT = "/var/lib/dr/cut-over-restored.json";

/** Work that may take hours. Its output goes to a file beside its name, and another file says that it has ended. */
export const JOBS = ["restore", "cut-over", "cut-over-backup"] as const;
export type Job = (typeof JOBS)[number];
/** The last line of what `follow` shows, when the job has ended. */
export const ENDED = "-- ended --";
/** Larger tables are listed but not counted: a count reads the whole table. */
const COUNT_BYTES = 1024 ** 3;
const MOST_TABLES = 20;

const STAMP = "[0-9]{8}T[0-9]{6}Z";
const TIME =
  "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})";
const TABLE = "[a-z_][a-z0-9_$]*[.][a-z_][a-z0-9_$]*";
const IDENTIFIER = "[a-z_][a-z0-9_]{0,62}";
const SECRET = "[a-z][a-z0-9-]*(/[a-z0-9_-]+)+";
const WHEN = { to: `latest|${TIME}`, asOf: `(${TIME})?` };
// biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
const TARGET = '--to "$SSM_to" ${SSM_asOf:+--as-of "$SSM_asOf"}';

interface Definition {
  readonly description: string;
  /** Regular expression of each parameter's whole value. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly command: string;
  /** Default: 60. */
  readonly seconds?: number;
  /** Without the values and secrets of the machine: they may not be there yet. */
  readonly bare?: boolean;
}

const inspect = (
  { sockets, port }: { readonly sockets: string; readonly port: number },
  words: string,
): string => `dr-inspect ${sockets} ${port} "$SSM_database" ${words}`;

const start = (job: Job, command: string): string =>
  `rm -f /var/lib/dr/${job}.done; setsid --fork bash -c '${command} > /var/lib/dr/${job}.log 2>&1; touch /var/lib/dr/${job}.done' < /dev/null > /dev/null 2>&1`;

const DEFINITIONS = {
  "choose-backup": {
    description: "Plans a restore; restores nothing",
    parameters: WHEN,
    command: `report=$(mktemp); dr-restore --plan --report "$report" ${TARGET} >&2 || true; cat "$report"; rm "$report"`,
    seconds: 600,
  },
  restore: {
    description: "Starts a restore beside everything, and leaves PostgreSQL running there",
    parameters: WHEN,
    command: start(
      "restore",
      `dr-restore --into ${BY_HAND.data} --keep-running --port ${BY_HAND.port} --report ${BY_HAND.report} ${TARGET}`,
    ),
  },
  follow: {
    description: "Shows the next lines of a job's output, and whether it has ended",
    parameters: { job: JOBS.join("|"), from: "[0-9]{1,9}" },
    // The end first: the output read afterwards is then complete.
    command: `ended=; [[ ! -e /var/lib/dr/$SSM_job.done ]] || ended=1; tail -n +$SSM_from /var/lib/dr/$SSM_job.log | head -n 200; [[ -z $ended ]] || echo '${ENDED}'`,
  },
  "restored-report": { description: "Shows the report of a restore", command: `cat ${BY_HAND.report}` },
  "restored-tables": {
    description: "Lists the largest tables of the restored cluster",
    parameters: { database: IDENTIFIER },
    command: inspect(BY_HAND, `'tables' '${MOST_TABLES}' '${COUNT_BYTES}'`),
    seconds: 600,
  },
  "restored-check": {
    description: "Runs a read-only check of the settings in the restored cluster",
    parameters: { database: IDENTIFIER, sql: "[A-Za-z0-9+/=]{4,12000}" },
    command: inspect(BY_HAND, `'check' "$(base64 -d <<< "$SSM_sql")"`),
    seconds: 600,
  },
  "restored-exist": {
    description: "Says which of these tables the restored cluster has",
    parameters: { database: IDENTIFIER, tables: `${TABLE}( ${TABLE})*` },
    command: inspect(BY_HAND, "'exist' $SSM_tables"),
    seconds: 600,
  },
  "restored-rows": {
    description: "Counts a table's rows in the restored cluster",
    parameters: { database: IDENTIFIER, table: TABLE },
    command: inspect(BY_HAND, `'rows' "$SSM_table"`),
    seconds: 600,
  },
  "live-exist": {
    description: "Says which of these tables the serving cluster has",
    parameters: { database: IDENTIFIER, tables: `${TABLE}( ${TABLE})*` },
    command: inspect(LIVE, "'exist' $SSM_tables"),
    seconds: 600,
  },
  "live-rows": {
    description: "Counts a table's rows in the serving cluster",
    parameters: { database: IDENTIFIER, table: TABLE },
    command: inspect(LIVE, `'rows' "$SSM_table"`),
    seconds: 600,
  },
  "carry-out": {
    description: "Dumps tables of the restored cluster into the vault, encrypted",
    parameters: {
      database: IDENTIFIER,
      address: "s3://[a-z0-9.-]{3,63}/[a-z0-9-]+/restore-tests/tables/[0-9]{8}t[0-9]{6}[.]dump[.]enc",
      schema: `-|${IDENTIFIER}`,
      tables: `${TABLE}( ${TABLE})*`,
    },
    command: `dr-carry-tables out "$SSM_database" ${BY_HAND.sockets} ${BY_HAND.port} "$SSM_address" "$SSM_schema" $SSM_tables`,
    seconds: 6 * 3600,
  },
  "carry-in": {
    description: "Loads such a dump into the serving cluster; overwrites nothing",
    parameters: {
      database: IDENTIFIER,
      address: "s3://[a-z0-9.-]{3,63}/[a-z0-9-]+/restore-tests/tables/[0-9]{8}t[0-9]{6}[.]dump[.]enc",
    },
    command: `dr-carry-tables in "$SSM_database" "$SSM_address"`,
    seconds: 6 * 3600,
  },
  "cut-over": {
    description: "One step of a cut-over on this node",
    parameters: { verb: "discard|close|aside|back|open", stamp: STAMP },
    command: "dr-cut-over $SSM_verb $SSM_stamp",
    // For checkpoints and PostgreSQL's stop; `dr-cut-over` limits each.
    seconds: 3600,
  },
  "cut-over-aside-restored": {
    description: "The step aside on the node with the restored data: fails if they are gone",
    parameters: { stamp: STAMP },
    command: "dr-cut-over aside $SSM_stamp restored",
    seconds: 300,
  },
  "cut-over-prepare": {
    description: "Starts the restore of a cut-over beside the data that this node serves",
    parameters: {
      stamp: STAMP,
      epoch: "[0-9]{1,7}",
      set: "[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[ID])?",
      ...WHEN,
    },
    command: start(
      "cut-over",
      `dr-cut-over prepare $SSM_stamp $SSM_epoch ${CUT_OVER_REPORT} --set $SSM_set ${TARGET}`,
    ),
  },
  "cut-over-state": {
    description: "Shows this node's part of a cut-over, the room for one, or Patroni's members",
    parameters: { what: "status|room|members" },
    command: "dr-cut-over $SSM_what",
    // The room is the size of every data file.
    seconds: 900,
  },
  "cut-over-report": {
    description: "Shows the report of a cut-over's restore",
    command: `cat ${CUT_OVER_REPORT}`,
  },
  "cut-over-last-lines": {
    description: "Shows how a cut-over's restore ended",
    command: "tail -n 3 /var/lib/dr/cut-over.log",
  },
  guard: {
    description: "Shows what this node's guard knows",
    parameters: { what: "status|log-state" },
    command: `node ${GUARD_PROGRAM} $SSM_what`,
  },
  "forget-log": {
    description: "Makes etcd forget the old log, in a cut-over",
    parameters: { stamp: STAMP, epoch: "[0-9]{1,7}" },
    command: `node ${GUARD_PROGRAM} forget-log $SSM_stamp $SSM_epoch`,
  },
  "back-up": {
    description: "Starts a full backup on this node",
    command: start("cut-over-backup", "dr-backup --type full && echo backup-is-made"),
  },
  "logins-apply": {
    description: "Sets the logins of a secret to what it contains, on the leader",
    parameters: { secret: SECRET },
    command: 'dr-logins apply "$SSM_secret"',
    seconds: 120,
  },
  "logins-take": {
    description: "Fetches this node's passwords, and lets Patroni read them",
    command: "dr-logins take",
  },
  "logins-sessions": {
    description: "Lists the sessions of a login on this node",
    parameters: { login: IDENTIFIER },
    command: 'dr-logins sessions "$SSM_login"',
  },
  "logins-end": {
    description: "Ends the sessions of a login on this node",
    parameters: { login: IDENTIFIER },
    command: 'dr-logins end "$SSM_login"',
  },
  "machine-is-ready": {
    description: "Fails unless this machine has its secrets",
    command: `test -e ${SECRETS_FILE}`,
    bare: true,
  },
  "machine-is-kept": {
    description: "Fails unless a person keeps this restore machine",
    command: "test -e /run/dr/keep",
    bare: true,
  },
  "keep-machine": {
    description: "Keeps this restore machine from testing and ending itself",
    command:
      "touch /run/dr/keep; systemctl stop dr-restore-test.service; systemctl is-active dr-secrets.service",
    bare: true,
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type DocumentName = keyof typeof DEFINITIONS;
export const DOCUMENT_NAMES = Object.keys(DEFINITIONS) as DocumentName[];

type ParametersOf<N extends DocumentName> = (typeof DEFINITIONS)[N] extends { readonly parameters: infer P }
  ? { readonly [K in keyof P]: string }
  : Readonly<Record<never, string>>;

/** A document with values for its parameters. */
export interface Act {
  readonly document: DocumentName;
  readonly parameters: Readonly<Record<string, string>>;
}

/** @throws Error for a value that its pattern doesn't match, as Systems Manager does. */
export function act<N extends DocumentName>(
  document: N,
  ...[parameters = {} as ParametersOf<N>]: keyof ParametersOf<N> extends never ? [] : [ParametersOf<N>]
): Act {
  const { parameters: patterns = {} } = definition(document);
  for (const [name, pattern] of Object.entries(patterns)) {
    const value = (parameters as Record<string, string>)[name] ?? "";
    if (!new RegExp(whole(pattern)).test(value))
      throw new Error(`${document}: ${name} can't be '${value}'. It must match ${whole(pattern)}`);
  }
  return { document, parameters };
}

export const definition = (name: DocumentName): Definition => DEFINITIONS[name];
const whole = (pattern: string): string => `^(${pattern})$`;
export const variableOf = (parameter: string): string => `SSM_${parameter}`;

/** Time limit of its execution. */
export const secondsOf = (name: DocumentName): number => definition(name).seconds ?? 60;

/** The bash script; its parameters are in the environment. */
export function scriptOf(name: DocumentName): string {
  const { parameters = {}, command, bare } = definition(name);
  return [
    // An agent before version 3.3 passes no variables.
    ...Object.keys(parameters).map((one) => `: "\${${variableOf(one)}?the agent is too old}"`),
    // As the machine's units get them.
    ...(bare ? [] : [`set -a; . ${NODE_ENV_FILE}; . ${SECRETS_FILE}; set +a`]),
    command,
  ].join("\n");
}

/** What runs an act on a machine, with the environment that Systems Manager would give it. */
export const argvOf = ({ document, parameters }: Act): string[] => [
  "env",
  ...Object.entries(parameters).map(([name, value]) => `${variableOf(name)}=${value}`),
  ...["bash", "-c", scriptOf(document)],
];

/** The document's content, in JSON. */
export function contentOf(name: DocumentName): string {
  const { description, parameters = {} } = definition(name);
  return JSON.stringify({
    schemaVersion: "2.2",
    description,
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([parameter, pattern]) => [
        parameter,
        {
          type: "String",
          interpolationType: "ENV_VAR",
          allowedPattern: whole(pattern),
          ...(new RegExp(whole(pattern)).test("") && { default: "" }),
        },
      ]),
    ),
    mainSteps: [
      {
        action: "aws:runShellScript",
        name: "run",
        precondition: { StringEquals: ["platformType", "Linux"] },
        inputs: {
          timeoutSeconds: `${secondsOf(name)}`,
          // The agent runs sh.
          runCommand: ["exec bash <<'DR_END_OF_SCRIPT'", ...scriptOf(name).split("\n"), "DR_END_OF_SCRIPT"],
        },
      },
    ],
  });
}
