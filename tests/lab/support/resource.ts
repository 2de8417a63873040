/** Drives a provider as the engine does, for one resource: check, create, read, diff, update, delete. */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { DiffResult, Plugin, ResourceRef } from "../../../lab/providers/plugin.js";
import type { Props } from "../../../lab/providers/values.js";

export class Resource {
  private readonly ref: ResourceRef;
  id = "";
  /** What the program says. */
  inputs: Props = {};
  /** What the state holds. */
  outputs: Props = {};

  constructor(
    private readonly plugin: Plugin,
    type: string,
    name = "thing",
  ) {
    this.ref = { urn: `urn:pulumi:test::sandbox::${type}::${name}`, type, name };
  }

  async create(program: Props): Promise<this> {
    this.inputs = await this.check({}, program);
    ({ id: this.id, outputs: this.outputs } = await this.plugin.create(this.ref, this.inputs, false));
    return this;
  }

  /** What a program with these inputs would change. */
  async diff(program: Props): Promise<DiffResult> {
    return this.plugin.diff(this.ref, this.inputs, this.outputs, await this.check(this.inputs, program), []);
  }

  async update(program: Props): Promise<void> {
    const news = await this.check(this.inputs, program);
    this.outputs = await this.plugin.update(this.ref, this.id, this.outputs, news, false, this.inputs);
    this.inputs = news;
  }

  /**
   * Reads what is there into the state, as a refresh does.
   * @returns names of inputs that differ from what the program says; undefined when the resource is gone.
   */
  async drift(): Promise<string[] | undefined> {
    const found = await this.plugin.read(this.ref, this.id, this.inputs, this.outputs);
    if (!found) return undefined;
    this.outputs = found.outputs;
    const { changes } = await this.plugin.diff(this.ref, found.inputs, found.outputs, this.inputs, []);
    return Object.keys(changes).sort();
  }

  /** Names of inputs that an import by this id gets otherwise than the program has them. */
  async importDrift(id = this.id): Promise<string[] | undefined> {
    const found = await this.plugin.read(this.ref, id, {}, {});
    if (!found) return undefined;
    const { __defaults, ...program } = this.inputs;
    const { changes } = await this.plugin.diff(this.ref, found.inputs, found.outputs, program, []);
    // What the program leaves out is not compared: AWS fills in defaults, and an import shows them.
    return Object.keys(changes).filter((name) => name in program);
  }

  async delete(): Promise<void> {
    await this.plugin.delete(this.ref, this.id, this.outputs);
  }

  private async check(olds: Props, program: Props): Promise<Props> {
    const seed = createHash("sha256").update(this.ref.urn).digest();
    const { inputs, failures } = await this.plugin.check(this.ref, olds, program, seed);
    if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join("; "));
    return inputs;
  }
}

export interface Lifecycle {
  readonly type: string;
  readonly inputs: Props;
  /** Changes that are made in place, over `inputs`. */
  readonly change?: Props;
  /** Changes that each replace the resource. */
  readonly replace?: Props;
  /** Outputs that other resources read, as the resource must have them. */
  readonly outputs?: Props;
  /** Changes the resource behind Pulumi's back, after the update. */
  readonly tamper?: (resource: Resource) => Promise<unknown>;
  /** Inputs in which that must show. */
  readonly drifted?: readonly string[];
  /** What an import is given. Default: the id. */
  readonly importId?: (resource: Resource) => string;
  /** Inputs that AWS doesn't give back, so that an import can't know them. */
  readonly notImported?: readonly string[];
  /** The resource is a setting that can be unset but not be gone. */
  readonly staysReadable?: boolean;
}

/** The life of one resource, each step read back: made, imported, changed, changed by someone else, restored, deleted. */
export async function live(plugin: Plugin, life: Lifecycle): Promise<void> {
  const { type, inputs } = life;
  const resource = await new Resource(plugin, type).create(inputs);
  expect(resource.outputs).toMatchObject(life.outputs ?? {});
  expect(await resource.drift(), "drift after create").toEqual([]);
  const imported = await resource.importDrift(life.importId?.(resource));
  expect(
    imported?.filter((name) => !life.notImported?.includes(name)),
    "drift after import",
  ).toEqual([]);
  for (const [name, value] of Object.entries(life.replace ?? {})) {
    const { changes } = await resource.diff({ ...inputs, [name]: value });
    expect(changes[name], `change of ${name}`).toMatch(/-replace$/);
  }
  const wanted = { ...inputs, ...life.change };
  if (life.change) {
    const { changes } = await resource.diff(wanted);
    expect(Object.keys(changes).sort()).toEqual(Object.keys(life.change).sort());
    expect(Object.values(changes).filter((kind) => kind.endsWith("-replace"))).toEqual([]);
    await resource.update(wanted);
    expect(await resource.drift(), "drift after update").toEqual([]);
  }
  if (life.tamper) {
    await life.tamper(resource);
    expect(await resource.drift(), "drift after tampering").toEqual(life.drifted);
    await resource.update(wanted);
    expect(await resource.drift(), "drift after the repair").toEqual([]);
  }
  await resource.delete();
  if (!life.staysReadable) {
    expect(await resource.drift(), "read after delete").toBeUndefined();
    await resource.delete();
  }
}
