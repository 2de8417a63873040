/** What a promotion may change, and nothing else. Shared by the demo and the tests. */
import type { Change } from "./events.js";

const FLEET = "aws:autoscaling/group:Group";
const CLAIM = "aws:dynamodb/tableItem:TableItem";

/** @throws Error naming what isn't the new claim or a group that grows. */
export function assertPromotion(changes: readonly Change[], claim: string): void {
  const created = changes.filter(
    ({ operation, type, name }) => operation === "create" && type === CLAIM && name.endsWith(claim),
  );
  const strays = changes.filter(
    (change) => !created.includes(change) && !grows(change) && !isSuperseded(change),
  );
  if (created.length !== 1)
    throw new Error(`a promotion must create exactly one ${claim}; it creates ${created.length}`);
  if (strays.length > 0)
    throw new Error(
      `a promotion may not touch:\n${strays.map(({ operation, type, name }) => `  ${operation} ${type} ${name}`).join("\n")}`,
    );
}

/** A group whose sizes change in place. */
const grows = ({ operation, type, properties }: Change): boolean =>
  operation === "update" &&
  type === FLEET &&
  properties.every((name) => ["minSize", "maxSize", "desiredCapacity"].includes(name));

/** The claim of an earlier epoch leaves the state; `retainOnDelete` keeps it in the table. */
const isSuperseded = ({ operation, type }: Change): boolean => operation === "forget" && type === CLAIM;
