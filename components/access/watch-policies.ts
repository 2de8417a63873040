/** What the watch's own roles may do: one call each. No Pulumi here. */
import { type Contract, watchBus } from "../../settings/contract.js";
import type { Statement } from "./policy-document.js";

/** In every region that is watched: its rule gets the tag that it has. */
export const canaryStatements = ({ accountId, prefix }: Contract): Statement[] => [
  {
    Sid: "TagTheCanarysRule",
    Effect: "Allow",
    Action: "events:TagResource",
    Resource: `arn:aws:events:*:${accountId}:rule/${prefix}-*watch-canary`,
  },
];

/** @param copyAccountId the account that hears what pages */
export const watchBusStatements = ({ prefix }: Contract, copyAccountId: string): Statement[] => [
  {
    Sid: "TellTheOtherAccount",
    Effect: "Allow",
    Action: "events:PutEvents",
    Resource: `arn:aws:events:*:${copyAccountId}:event-bus/${watchBus({ name: prefix })}`,
  },
];
