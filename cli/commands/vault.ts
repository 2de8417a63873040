import type { Command } from "commander";
import type { OpenVault } from "../../operations/vault/open.js";
import { regionStack } from "../region-stack.js";

interface Flags {
  stack: string;
  since: string;
  twin?: boolean;
  json?: boolean;
  yes?: boolean;
  prefix?: string;
}

type Part = "since" | "prefix" | "yes";

export function addVault(dr: Command): void {
  const vault = dr
    .command("vault")
    .description("inspect a vault after tampering, and bring hidden or overwritten objects back");
  add(vault, "inspect", "show objects hidden or overwritten since, and the bucket's protection", [
    "since",
    "prefix",
  ]).action(inspect);
  add(vault, "unhide", "remove the delete markers made since; never a version", [
    "since",
    "prefix",
    "yes",
  ]).action(unhide);
  add(vault, "roll-back", "make the versions that were current at a time current again, as copies", [
    "since",
    "prefix",
    "yes",
  ])
    .argument("[keys...]", "objects (default: pgBackRest's lists, where they changed since)")
    .action(rollBack);
  add(vault, "protect", "restore versioning and lock to the settings; never shortens a lock", ["yes"]).action(
    protect,
  );
}

function add(vault: Command, name: string, description: string, parts: readonly Part[]): Command {
  const command = vault
    .command(name)
    .description(description)
    .requiredOption("--stack <stack>", "prod | dr: the region of the vault")
    .option("--twin", "work in the twin of this host (default: AWS, with the shell's credentials)")
    .option("--json", "print it as JSON");
  if (parts.includes("since"))
    command.requiredOption("--since <time>", "a time with its zone, e.g. 2026-03-01T12:30:00Z");
  if (parts.includes("prefix"))
    command.option("--prefix <prefix>", "only objects below it (default: the region's own repository)");
  if (parts.includes("yes")) command.option("--yes", "do it (default: only show what it would do)");
  return command;
}

async function inspect(flags: Flags): Promise<void> {
  await withVault(flags, async ({ bucket, prefix, lockDays }, since) => {
    const { inspect: look } = await import("../../operations/vault/repair.js");
    const found = await look(bucket, prefix, since, lockDays);
    const { renderInspection } = await import("../../operations/vault/render.js");
    return { found, lines: renderInspection(found) };
  });
}

async function unhide(flags: Flags): Promise<void> {
  await withVault(flags, async ({ bucket, prefix }, since) => {
    const { unhide: bringBack } = await import("../../operations/vault/repair.js");
    const found = await bringBack(bucket, prefix, since, flags);
    const { count, renderHidden } = await import("../../operations/vault/render.js");
    return { found, lines: [done(flags, "brought back", count(found.length)), ...renderHidden(found)] };
  });
}

async function rollBack(keys: string[], flags: Flags): Promise<void> {
  await withVault(flags, async ({ bucket, prefix }, since) => {
    const { rollBack: putInFront } = await import("../../operations/vault/repair.js");
    const found = await putInFront(bucket, prefix, since, keys, flags);
    const { count, renderOverwritten } = await import("../../operations/vault/render.js");
    return { found, lines: [done(flags, "rolled back", count(found.length)), ...renderOverwritten(found)] };
  });
}

async function protect(flags: Flags): Promise<void> {
  await withVault(flags, async ({ bucket, lockDays }) => {
    const { protect: fix } = await import("../../operations/vault/repair.js");
    const found = await fix(bucket, lockDays, flags);
    const lines = found.map((flaw) => done(flags, "fixed", flaw));
    return { found, lines: lines.length > 0 ? lines : ["the protection matches the settings"] };
  });
}

const done = ({ yes }: Flags, verb: string, what: string): string =>
  yes ? `${verb}: ${what}` : `would be ${verb} (with --yes): ${what}`;

type Work = (vault: OpenVault, since: number) => Promise<{ found: unknown; lines: readonly string[] }>;

async function withVault(flags: Flags, work: Work): Promise<void> {
  const { moment } = await import("../../operations/vault/moment.js");
  const since = flags.since === undefined ? 0 : moment("--since", flags.since);
  const stack = regionStack(flags.stack, "vault", "pass --stack prod or --stack dr");
  const { openPlace } = await import("../places.js");
  const place = await openPlace(flags.twin ? "twin" : "aws");
  const opened = await place.openVault(stack).catch((error: unknown) => {
    place.close();
    throw error;
  });
  const vault = { ...opened, prefix: flags.prefix ?? opened.prefix };
  try {
    const { found, lines } = await work(vault, since);
    if (flags.json) return console.log(JSON.stringify(found, undefined, 2));
    console.log([`s3://${vault.bucket.name}/${vault.prefix}`, ...lines].join("\n"));
  } finally {
    opened.close();
    place.close();
  }
}
