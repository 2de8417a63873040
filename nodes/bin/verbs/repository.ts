/**
 * pgBackRest for the verbs: its commands, and the contents of its repositories. It runs as user postgres, who owns its files.
 * The cipher's passphrase comes from the environment, never from the command line.
 */
import { readFileSync } from "node:fs";
import { IMAGE_PATHS } from "../../layout.js";
import { asPostgres, run } from "./commands.js";

const LISTING_MILLIS = 120_000;

/** A backup as `info` lists it. Times are seconds since 1970. */
export interface Backup {
  readonly label: string;
  readonly type: "full" | "diff" | "incr";
  /** Whether pages are damaged. */
  readonly error?: boolean | null;
  readonly timestamp: { readonly start: number; readonly stop: number };
  /** Names of the first and the last segment that it needs. */
  readonly archive: { readonly start: string | null; readonly stop: string | null };
  readonly database: { readonly id: number };
  readonly info: { readonly repository: { readonly delta: number } };
}

export interface StanzaInfo {
  readonly name: string;
  readonly status: { readonly code: number };
  /** A stanza outlives a database; the newest database comes last. */
  readonly db: readonly { readonly id: number }[];
  readonly backup: readonly Backup[];
  readonly archive: readonly { readonly id: string; readonly database: { readonly id: number } }[];
}

export interface Entry {
  readonly type: string;
  readonly size: number;
  readonly time: number;
}

/** Entries by name. */
export type Listing = Readonly<Record<string, Entry>>;

/** pgBackRest's own message, in one line. */
export class RepositoryFailed extends Error {
  constructor(
    command: string,
    readonly code: number,
    words: string,
  ) {
    const errors = [...words.matchAll(/ERROR: \[\d+\]: (.*(?:\n {10,}.*)*)/g)].map(([, text]) => text);
    const said = (errors.length > 0 ? errors : words.trim().split("\n").slice(-1)).join(" ");
    super(
      `pgbackrest ${command} failed with exit code ${code}: ${said.trim().split(/\s+/).join(" ") || "no message"}`,
    );
  }
}

interface Limit {
  readonly timeoutMillis: number;
}

export class Repository {
  constructor(
    private readonly as: (argv: readonly string[]) => string[] = asPostgres,
    private readonly config: string = IMAGE_PATHS.pgbackrest,
  ) {}

  /** @returns pgBackRest's output. @throws RepositoryFailed; TimedOut after it has been ended. */
  async command(args: readonly string[], { timeoutMillis }: Limit): Promise<string> {
    const { code, stdout, stderr } = await run(this.as(["pgbackrest", ...args]), {
      timeoutMillis,
      stderr: "pipe",
    });
    if (code === 0) return stdout;
    throw new RepositoryFailed(args.find((each) => !each.startsWith("-")) ?? "", code, stderr + stdout);
  }

  /** The stanzas in this machine's configuration, the own region's first. */
  stanzas(): string[] {
    const names = [...this.text().matchAll(/^\[([^\]:]+)\]$/gm)].map(([, name]) => name as string);
    return names.filter((name) => name !== "global");
  }

  /** The place of this region's own repository; the path begins with a slash. */
  place(): { readonly bucket: string; readonly path: string } {
    const value = (name: string) => {
      const [, found] = new RegExp(`^${name}=(.*)$`, "m").exec(this.text()) ?? [];
      if (found === undefined) throw new Error(`${this.config} has no ${name}`);
      return found;
    };
    return { bucket: value("repo1-s3-bucket"), path: value("repo1-path") };
  }

  /** @returns undefined when the repository has no stanza of that name */
  async info(stanza: string, { timeoutMillis }: Limit): Promise<StanzaInfo | undefined> {
    const args = [`--stanza=${stanza}`, "--output=json", "--log-level-console=off", "info"];
    const listed = JSON.parse(await this.command(args, { timeoutMillis })) as StanzaInfo[];
    const found = listed.find(({ name }) => name === stanza);
    // 1: no such path, 2: no backup yet.
    return found?.status.code === 1 ? undefined : found;
  }

  /** Complete backups, oldest first. */
  async backups(stanza: string, limit: Limit): Promise<Backup[]> {
    const found = await this.info(stanza, limit);
    return [...(found?.backup ?? [])].sort((a, b) => a.timestamp.stop - b.timestamp.stop);
  }

  /** The objects below a path of the stanza's repository; empty when there is no such path. */
  async listing(
    stanza: string,
    path: string,
    { recurse = false, timeoutMillis = LISTING_MILLIS }: Partial<Limit> & { readonly recurse?: boolean } = {},
  ): Promise<Listing> {
    const args = [`--stanza=${stanza}`, "--output=json", "--log-level-console=off"];
    const said = await this.command([...args, ...(recurse ? ["--recurse"] : []), "repo-ls", path], {
      timeoutMillis,
    });
    const { ".": _, ...found } = JSON.parse(said) as Record<string, Entry>;
    return found;
  }

  private text(): string {
    return readFileSync(this.config, "utf8");
  }
}
