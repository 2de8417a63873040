/** What a rotation needs from the outside world, so that tests can replace it. */
import type { Contract } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import type { Answer } from "../promotion/confirm.js";
import type { RestoreMachines } from "../restore/machines.js";

/** Secrets of the home region, each with its copy in the recovery region. */
export interface Secrets {
  read(name: string): Promise<string>;
  /** Returns when both regions have it. @throws UserError when the other region doesn't get it in time */
  write(name: string, text: string): Promise<void>;
  /** Waits for the copy of what is there already. */
  settle(name: string): Promise<void>;
}

export interface Fleets {
  /**
   * Replaces the running Tomcat servers of a region without losing a request, so that they fetch their login again.
   * @returns how many
   */
  roll(region: RegionId): Promise<number>;
}

/** What a place offers to a rotation. */
export interface RotationServices {
  readonly secrets: Secrets;
  readonly fleets: Fleets;
  close(): void;
}

export interface RotationPorts extends Pick<RotationServices, "secrets" | "fleets"> {
  readonly machines: Pick<RestoreMachines, "nodes" | "members">;
  readonly contract: Pick<Contract, "secrets" | "ownerSecret" | "home" | "recovery">;
  /** Owners of databases. The Tomcat servers log in as the first one. */
  readonly owners: readonly string[];
  newPassword(): string;
  /** @throws UserError without a terminal. */
  confirm(question: string): Promise<Answer>;
  say(text: string): void;
  sleep(millis: number): Promise<void>;
  /** Called before each step. A test throws in it to end the rotation there. */
  at?(step: RotationStep): void;
}

export type RotationStep = "begin" | "apply" | "switch" | "roll" | "take" | "end" | "refuse";
