/** What the watch's own roles may do: one call each. No Pulumi here. */
import type { Contract, CopyContract } from "../../settings/contract.js";
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

export const watchBusStatements = ({ watchBusArn }: CopyContract): Statement[] => [
  { Sid: "TellTheOtherAccount", Effect: "Allow", Action: "events:PutEvents", Resource: watchBusArn },
];
