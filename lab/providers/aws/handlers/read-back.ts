/**
 * Handlers whose outputs are what AWS answers after the fact: made, then read back. And the helpers to put
 * an answer of AWS into the words and the order that the user chose.
 */

import type { ResourceRef } from "../../plugin.js";
import { PartialCreateError } from "../../plugin.js";
import { type Props, same } from "../../values.js";
import type { AwsContext } from "../context.js";
import type { AwsHandler } from "./handler.js";
import { tagsFound } from "./tags.js";

export interface Kind extends Pick<AwsHandler, "replaceOn" | "recomputed" | "name"> {
  /** The call that makes the thing. @returns its id. */
  make(aws: AwsContext, inputs: Props, ref: ResourceRef): Promise<string>;
  /** Calls that the thing needs after it was made. When one fails, the engine still learns of the thing. */
  complete?(aws: AwsContext, id: string, inputs: Props): Promise<unknown>;
  /** What is there; `known` is what was set and what was read before, empty for an import. */
  read(aws: AwsContext, id: string, known: Props): Promise<Props | undefined>;
  update?(aws: AwsContext, id: string, news: Props, olds: Props): Promise<unknown>;
  /** Sets tags by separate calls. Left out for types without tags. */
  readonly tagging?: Tagging;
  delete(aws: AwsContext, id: string, state: Props): Promise<unknown>;
}

export interface Tagging {
  put(aws: AwsContext, id: string, tags: Readonly<Record<string, string>>): Promise<unknown>;
  drop(aws: AwsContext, id: string, keys: string[]): Promise<unknown>;
}

export function readBack(kind: Kind): AwsHandler {
  /** What AWS adds to the inputs. The inputs themselves stay as the user wrote them. */
  const computed = async (aws: AwsContext, id: string, inputs: Props): Promise<Props> => {
    const found = (await kind.read(aws, id, inputs)) ?? {};
    return Object.fromEntries(Object.entries(found).filter(([name]) => !(name in inputs)));
  };
  return {
    replaceOn: kind.replaceOn,
    recomputed: kind.recomputed,
    name: kind.name,
    async create(aws, inputs, ref) {
      const id = await kind.make(aws, inputs, ref);
      try {
        await kind.complete?.(aws, id, inputs);
        return { id, outputs: await computed(aws, id, inputs) };
      } catch (error) {
        throw new PartialCreateError(id, inputs, error as Error);
      }
    },
    async read(aws, id, known) {
      const found = await kind.read(aws, id, known);
      return found?.tagsAll && !found.tags ? { ...found, ...tagsFound(aws, found.tagsAll, known) } : found;
    },
    async update(aws, id, news, olds) {
      await kind.update?.(aws, id, news, olds);
      if (kind.tagging) await syncTags(kind.tagging, aws, id, news, olds);
      return computed(aws, id, news);
    },
    async delete(aws, id, state) {
      await kind.delete(aws, id, state);
    },
  };
}

async function syncTags(tagging: Tagging, aws: AwsContext, id: string, news: Props, olds: Props) {
  const wanted = aws.allTags(news);
  const before: Record<string, string> = olds.tagsAll ?? {};
  const changed = Object.entries(wanted).filter(([key, value]) => before[key] !== value);
  const dropped = Object.keys(before).filter((key) => !(key in wanted));
  if (changed.length > 0) await tagging.put(aws, id, Object.fromEntries(changed));
  if (dropped.length > 0) await tagging.drop(aws, id, dropped);
}

/** AWS's list of tags as a map. */
export const tagMap = (
  tags: readonly { Key?: string; Value?: string }[] | undefined,
): Record<string, string> =>
  Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key as string, Value ?? ""]));

/** A map of tags as AWS lists it. */
export const tagItems = (tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/**
 * AWS answers sets in any order: puts what was found in the order in which the user listed the same.
 * @param key tells which elements are the same. Default: the whole element.
 */
export function inOrderOf<T>(
  known: unknown,
  found: readonly T[] | undefined,
  key?: (item: T) => unknown,
): T[] {
  const items = [...(found ?? [])];
  if (!Array.isArray(known)) return items;
  const place = (item: T) => {
    const at = known.findIndex((other) => (key ? key(other) === key(item) : same(other, item)));
    return at < 0 ? known.length : at;
  };
  return items.sort((a, b) => place(a) - place(b));
}

/**
 * Takes over from `known`, where the same element is there, what the emulator doesn't tell.
 * @param untold property names; a path into objects or each element of lists is written with dots.
 */
export function fillIn<T>(found: T, known: unknown, untold: readonly string[]): T {
  if (Array.isArray(found)) {
    return found.map((item, i) => fillIn(item, Array.isArray(known) ? known[i] : undefined, untold)) as T;
  }
  if (!found || typeof found !== "object" || !known || typeof known !== "object") return found;
  const filled: Props = { ...found };
  for (const path of untold) {
    const [name, ...rest] = path.split(".") as [string, ...string[]];
    const before = (known as Props)[name];
    if (rest.length > 0) {
      if (name in filled) filled[name] = fillIn(filled[name], before, [rest.join(".")]);
    } else if (before !== undefined && filled[name] === undefined) {
      filled[name] = before;
    }
  }
  return filled as T;
}

/** AWS says "none" in several ways; here it is always undefined. A key that is left out altogether is not known. */
export const told = (props: Props): Props =>
  Object.fromEntries(
    Object.entries(props).map(([name, value]) => [name, value === null || value === "" ? undefined : value]),
  );
