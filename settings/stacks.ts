import { UserError } from "../common/errors.js";

/** Every stack of this project, in deploy order (`prod` and `dr` may swap), and what each is for. */
export const STACKS = {
  copy: "the copy of the vaults in another account (backup.copyTo), deployed by that account",
  global: "what both regions share and what must outlive either",
  prod: "the home region",
  dr: "the recovery region",
  link: "peering and routes, which need both regions at once",
} as const;

export type StackName = keyof typeof STACKS;
/** The stacks of the protected account, which its pipeline deploys and whose state it holds. */
export type AccountStackName = Exclude<StackName, "copy">;
export type RegionStackName = "prod" | "dr";

/** Which of the two regions: `home` is stack `prod`, `recovery` is stack `dr`. */
export type RegionId = "home" | "recovery";

export const STACK_NAMES = Object.keys(STACKS) as StackName[];

export const ACCOUNT_STACKS = STACK_NAMES.filter((stack): stack is AccountStackName => stack !== "copy");

/** @throws UserError naming the stack and the ones that exist. */
export function assertStackName(name: string): asserts name is StackName {
  if (!(name in STACKS)) {
    const stacks = STACK_NAMES.map((stack) => `${stack} (${STACKS[stack]})`).join(", ");
    throw new UserError(
      `stack '${name}' is not one of this project's`,
      `There are ${stacks}.`,
      `use one of ${STACK_NAMES.join(", ")}`,
    );
  }
}

export const isRegionStack = (name: StackName): name is RegionStackName => name === "prod" || name === "dr";

export const regionIdOf = (stack: RegionStackName): RegionId => (stack === "prod" ? "home" : "recovery");
