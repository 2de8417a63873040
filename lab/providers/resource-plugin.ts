/**
 * The part of a stand-in provider that is the same for every type: physical names, diffs, previews, and
 * the shape of a read. A handler only creates, reads, updates and deletes the thing itself.
 */

import { type NameRule, withPhysicalName } from "./names.js";
import type { CheckFailure, DiffResult, Plugin, ResourceRef } from "./plugin.js";
import { schemaOf } from "./schema.js";
import { hasUnknown, type Props, project, same, UNKNOWN } from "./values.js";

/** How one resource type is made. `C` is what a handler works with, e.g. AWS clients for one region. */
export interface Handler<C> {
  /** Inputs whose change replaces the resource. `region` always does. */
  readonly replaceOn?: readonly string[];
  /** Input that gets a physical name when it is left out; `false` for types without one. Default `name`, where the type has it. */
  readonly name?: NameRule | false;
  /** Outputs that an update changes, and that are therefore unknown in its preview. */
  readonly recomputed?: readonly string[];
  /** Makes the resource. @throws PartialCreateError when something was made before it failed. */
  create(context: C, inputs: Props, ref: ResourceRef): Promise<{ id: string; outputs?: Props }>;
  /** What is really there, in the words of the inputs and outputs; undefined when it's gone. */
  read?(context: C, id: string, known: Props): Promise<Props | undefined>;
  /** Changes the resource in place; returns outputs that changed. */
  update?(context: C, id: string, news: Props, olds: Props): Promise<Props | undefined>;
  delete?(context: C, id: string, state: Props): Promise<void>;
}

export abstract class ResourcePlugin<C> implements Plugin {
  abstract readonly version: string;
  abstract readonly replaceOnConfig: readonly string[];
  abstract configure(config: Props): Promise<void>;
  abstract invoke(token: string, args: Props): Promise<Props>;
  protected abstract handlerOf(type: string): Handler<C>;
  protected abstract contextOf(ref: ResourceRef, inputs: Props): C;
  /** Outputs that every resource of this provider has, such as `region` or `tagsAll`. */
  protected commonOutputs(_ref: ResourceRef, _inputs: Props): Props {
    return {};
  }
  /** Completes what a handler read with what follows from it for every type. */
  protected normalizeRead(_context: C, found: Props): Props {
    return found;
  }
  /** Inputs that the provider's own configuration gives where the user leaves them out. */
  protected get impliedInputs(): Props {
    return {};
  }
  /** Inputs of every type whose change replaces. */
  protected readonly alwaysReplaceOn: readonly string[] = [];

  async check(
    ref: ResourceRef,
    olds: Props,
    news: Props,
    seed: Uint8Array,
  ): Promise<{ inputs: Props; failures: CheckFailure[] }> {
    const rule = this.nameRule(ref.type);
    return { inputs: rule ? withPhysicalName(rule, ref.name, olds, news, seed) : news, failures: [] };
  }

  async diff(
    ref: ResourceRef,
    oldInputs: Props,
    olds: Props,
    news: Props,
    ignore: readonly string[],
  ): Promise<DiffResult> {
    // State of an import that never had inputs: compare with what is there, for what the user now sets.
    const before = Object.keys(oldInputs).length > 0 ? oldInputs : pick(olds, Object.keys(news));
    const replaceOn = [...(this.handlerOf(ref.type).replaceOn ?? []), ...this.alwaysReplaceOn];
    const changes: Record<string, any> = {};
    for (const key of new Set([...Object.keys(before), ...Object.keys(news)])) {
      const wanted = news[key] ?? this.impliedInputs[key];
      if (
        key === "__defaults" ||
        ignore.includes(key) ||
        same(before[key] ?? this.impliedInputs[key], wanted)
      )
        continue;
      // An import brings in what AWS says of everything; nothing is what leaving it out asks for.
      if (wanted === undefined && isNothing(before[key])) continue;
      const kind = before[key] === undefined ? "add" : news[key] === undefined ? "delete" : "update";
      changes[key] = replaceOn.includes(key) ? `${kind}-replace` : kind;
    }
    const replaces = Object.values(changes).some((kind) => kind.endsWith("-replace"));
    const rule = this.nameRule(ref.type);
    const nameStays =
      !!rule && news[rule.property] !== undefined && same(before[rule.property], news[rule.property]);
    // Two things of one name can't exist at once.
    return { changes, deleteBeforeReplace: replaces && nameStays };
  }

  async create(ref: ResourceRef, inputs: Props, preview: boolean): Promise<{ id: string; outputs: Props }> {
    if (preview) {
      const computed = Object.fromEntries(
        (schemaOf(ref.type)?.computed ?? []).map((name) => [name, UNKNOWN]),
      );
      return { id: "", outputs: { ...computed, ...this.commonOutputs(ref, inputs), ...clean(inputs) } };
    }
    const { id, outputs } = await this.handlerOf(ref.type).create(this.contextOf(ref, inputs), inputs, ref);
    return { id, outputs: { ...clean(inputs), ...this.commonOutputs(ref, inputs), ...outputs } };
  }

  async read(
    ref: ResourceRef,
    id: string,
    inputs: Props,
    state: Props,
  ): Promise<{ id: string; inputs: Props; outputs: Props } | undefined> {
    const handler = this.handlerOf(ref.type);
    const known = { ...state, ...inputs };
    const context = this.contextOf(ref, known);
    const answer = handler.read ? await handler.read(context, id, known) : known;
    const found = answer && this.normalizeRead(context, answer);
    if (!found) return undefined;
    const settable = schemaOf(ref.type)?.inputs ?? Object.keys(found);
    const imported = Object.keys(inputs).length === 0;
    const names = new Set(
      imported ? settable.filter((name) => found[name] !== undefined) : Object.keys(inputs),
    );
    // A tag put on behind Pulumi's back is drift even where the user set none.
    if (Object.keys(found.tags ?? {}).length > 0) names.add("tags");
    const seen = (name: string, before: unknown) =>
      imported || WHOLE.has(name) ? found[name] : project(found[name], before);
    const newInputs = Object.fromEntries(
      [...names].map((name) => [name, name in found ? seen(name, inputs[name]) : inputs[name]]),
    );
    const outputs = Object.fromEntries(
      Object.entries({ ...state, ...found }).map(([name, value]) => [
        name,
        name in found && name in state ? seen(name, state[name]) : value,
      ]),
    );
    return { id, inputs: newInputs, outputs: { ...this.commonOutputs(ref, known), ...outputs } };
  }

  async update(
    ref: ResourceRef,
    id: string,
    olds: Props,
    news: Props,
    preview: boolean,
    oldInputs?: Props,
  ): Promise<Props> {
    const handler = this.handlerOf(ref.type);
    // Some properties are both: set by the user, or else by AWS. Only what the user had set goes.
    const settable = oldInputs ? Object.keys(oldInputs) : (schemaOf(ref.type)?.inputs ?? []);
    const dropped = settable.filter((name) => !(name in news));
    const kept = Object.fromEntries(
      Object.entries(olds).filter(([name]) => !dropped.includes(name) || name === "region"),
    );
    const outputs = { ...kept, ...clean(news), ...this.commonOutputs(ref, news) };
    if (preview || hasUnknown(news)) {
      return { ...outputs, ...Object.fromEntries((handler.recomputed ?? []).map((name) => [name, UNKNOWN])) };
    }
    if (!handler.update)
      throw new Error(`the stand-in has no update for ${ref.type}; a change of it should replace`);
    return { ...outputs, ...((await handler.update(this.contextOf(ref, news), id, news, olds)) ?? {}) };
  }

  async delete(ref: ResourceRef, id: string, state: Props): Promise<void> {
    await this.handlerOf(ref.type).delete?.(this.contextOf(ref, state), id, state);
  }

  private nameRule(type: string): NameRule | undefined {
    const { name } = this.handlerOf(type);
    if (name === false) return undefined;
    if (name) return name;
    return schemaOf(type)?.inputs.includes("name") && schemaOf(type)?.inputs.includes("namePrefix")
      ? { property: "name" }
      : undefined;
  }
}

const isNothing = (value: unknown): boolean =>
  value === false ||
  value === "" ||
  (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/** Maps that AWS adds nothing to: a key that the user didn't write is drift. */
const WHOLE = new Set(["tags", "tagsAll"]);

const clean = ({ __defaults, ...inputs }: Props): Props => inputs;

const pick = (from: Props, names: readonly string[]): Props =>
  Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));
