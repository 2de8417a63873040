/** The only changes that a promotion may make. The demo and the tests share it. */
import type { Change } from "../engine/events.js";

const FLEET = "aws:autoscaling/group:Group";
/** Claims and overrides are items of the same table. */
const CLAIM = "aws:dynamodb/tableItem:TableItem";

/**
 * @param wanted names of the items that must be created: the claim, e.g. `claim-2`, unless it exists already, and the
 * overrides that the operator requested, e.g. `fenced-2`.
 * @throws Error with every change that is neither one of these nor a growing group.
 */
export function assertOnlyCreates(changes: readonly Change[], wanted: readonly string[]): void {
  const created = (item: string) =>
    changes.filter(({ operation, type, name }) => operation === "create" && type === CLAIM && name === item);
  for (const item of wanted) {
    const { length } = created(item);
    if (length !== 1) throw new Error(`a promotion must create exactly one ${item}; it creates ${length}`);
  }
  const items = wanted.flatMap(created);
  const strays = changes.filter(
    (change) => !items.includes(change) && !grows(change) && !isSuperseded(change),
  );
  if (strays.length > 0)
    throw new Error(
      `a promotion must not change:\n${strays.map(({ operation, type, name }) => `  ${operation} ${type} ${name}`).join("\n")}`,
    );
}

/** A group whose sizes change in place. */
const grows = ({ operation, type, properties }: Change): boolean =>
  operation === "update" &&
  type === FLEET &&
  properties.every((name) => ["minSize", "maxSize", "desiredCapacity"].includes(name));

/** Claim and overrides of an earlier epoch leave the state; `retainOnDelete` keeps them in the table. */
const isSuperseded = ({ operation, type }: Change): boolean => operation === "forget" && type === CLAIM;
