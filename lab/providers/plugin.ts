/** What a stand-in provider has to answer, freed from the wire format. `server.ts` does the wire. */
import type { Props } from "./values.js";

export interface ResourceRef {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
}

export interface DiffResult {
  /** Names of changed inputs, with whether the change replaces the resource. */
  readonly changes: Readonly<
    Record<string, "add" | "update" | "delete" | "add-replace" | "update-replace" | "delete-replace">
  >;
  readonly deleteBeforeReplace: boolean;
}

/** A property of the inputs that can't stand, told at `check` time. */
export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

export interface Plugin {
  readonly version: string;
  configure(config: Props): Promise<void>;
  /** Inputs of the provider itself whose change replaces everything in it. */
  readonly replaceOnConfig: readonly string[];
  invoke(token: string, args: Props): Promise<Props>;
  check(
    ref: ResourceRef,
    olds: Props,
    news: Props,
    seed: Uint8Array,
  ): Promise<{ inputs: Props; failures: CheckFailure[] }>;
  diff(
    ref: ResourceRef,
    oldInputs: Props,
    olds: Props,
    news: Props,
    ignore: readonly string[],
  ): Promise<DiffResult>;
  create(ref: ResourceRef, inputs: Props, preview: boolean): Promise<{ id: string; outputs: Props }>;
  /** Undefined when the resource is gone. `inputs` is what the user had set; for an import it's empty. */
  read(
    ref: ResourceRef,
    id: string,
    inputs: Props,
    state: Props,
  ): Promise<{ id: string; inputs: Props; outputs: Props } | undefined>;
  /** `olds` is the state; `oldInputs`, what the user had set, tells which of it goes when `news` drops it. */
  update(
    ref: ResourceRef,
    id: string,
    olds: Props,
    news: Props,
    preview: boolean,
    oldInputs?: Props,
  ): Promise<Props>;
  delete(ref: ResourceRef, id: string, state: Props): Promise<void>;
}

/**
 * A create that made something and then failed. The engine must learn of the id, or it would leave the
 * half-made resource orphaned.
 */
export class PartialCreateError extends Error {
  constructor(
    readonly id: string,
    readonly outputs: Props,
    override readonly cause: Error,
  ) {
    super(cause.message);
  }
}
