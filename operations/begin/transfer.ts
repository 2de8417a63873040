/** Copies chosen versions into a vault, several at a time, and proves that all of them arrived. It can be run again. */
import { UserError } from "../../common/errors.js";
import type { History } from "../vault/history.js";
import type { Chosen } from "./choose.js";

/** The part of a vault's bucket that this needs. */
export interface Target {
  readonly name: string;
  histories(prefix: string): Promise<History[]>;
  /** @param from bucket of the version */
  copyFrom(from: string, version: Pick<Chosen, "key" | "versionId">): Promise<void>;
}

export interface Progressed {
  readonly objects: number;
  readonly bytes: number;
}

export interface TransferOptions {
  /** Folders of the target that hold what is copied. */
  readonly prefixes: readonly string[];
  /** Requests at a time. */
  readonly atATime?: number;
  readonly report?: (done: Progressed, all: Progressed) => void;
}

/** S3 takes thousands of copies a second below one prefix; each waits for the bytes to be copied. */
const AT_A_TIME = 32;
/** S3 copies no larger object in one request. pgBackRest's are far smaller: PostgreSQL's files have 1 GiB at the most. */
const LARGEST_BYTES = 5 * 1024 ** 3;

/** Size of what is current, by key. */
export async function sizesIn(
  target: Pick<Target, "histories">,
  prefixes: readonly string[],
): Promise<Map<string, number>> {
  const listed = await Promise.all(prefixes.map((prefix) => target.histories(prefix)));
  const sizes = new Map<string, number>();
  for (const [{ key, isMarker, bytes = 0 }] of listed.flat()) if (!isMarker) sizes.set(key, bytes);
  return sizes;
}

/** What a run before has not copied yet. An object that had several contents is copied again: its size tells nothing. */
export const missing = (chosen: readonly Chosen[], there: ReadonlyMap<string, number>): Chosen[] =>
  chosen.filter(({ key, bytes, isOnly }) => !isOnly || there.get(key) !== bytes);

/**
 * @returns what it copied
 * @throws UserError for an object that S3 can't copy, and when something is missing afterwards
 */
export async function transfer(
  source: string,
  target: Target,
  chosen: readonly Chosen[],
  { prefixes, atATime = AT_A_TIME, report = () => {} }: TransferOptions,
): Promise<Progressed> {
  const large = chosen.find(({ bytes }) => bytes > LARGEST_BYTES);
  if (large)
    throw new UserError(
      `s3://${source}/${large.key}: ${large.bytes} bytes`,
      "S3 copies no object above 5 GiB in one request.",
      "copy it with `aws s3 cp`, then run the command again",
    );
  const left = missing(chosen, await sizesIn(target, prefixes));
  const all = totalOf(left);
  let done: Progressed = { objects: 0, bytes: 0 };
  const queue = left.values();
  const copyNext = async () => {
    for (const each of queue) {
      await target.copyFrom(source, each);
      done = { objects: done.objects + 1, bytes: done.bytes + each.bytes };
      report(done, all);
    }
  };
  // All end before an error is reported: no copy goes on behind the operator's back.
  const ended = await Promise.allSettled(Array.from({ length: atATime }, copyNext));
  for (const each of ended) if (each.status === "rejected") throw each.reason;
  await verify(source, target, chosen, prefixes);
  return all;
}

async function verify(
  source: string,
  target: Target,
  chosen: readonly Chosen[],
  prefixes: readonly string[],
): Promise<void> {
  const there = await sizesIn(target, prefixes);
  const wrong = chosen.filter(({ key, bytes }) => there.get(key) !== bytes);
  const [first] = wrong;
  if (!first) return;
  const size = there.get(first.key);
  throw new UserError(
    `${wrong.length} of ${chosen.length} objects are not in s3://${target.name} as they are in s3://${source}`,
    `${first.key} has ${size ?? "no"} bytes there, not ${first.bytes}.`,
    "run the command again: it copies what is missing",
  );
}

export const totalOf = (chosen: readonly Chosen[]): Progressed => ({
  objects: chosen.length,
  bytes: chosen.reduce((sum, { bytes }) => sum + bytes, 0),
});
