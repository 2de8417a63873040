/** What keeps the transcripts of people's sessions. No Pulumi here. */
import type { Contract } from "../../settings/contract.js";
import type { Statement } from "./policy-document.js";

/**
 * Over the pipeline and break-glass. Without `logs:Put*` these roles can't add a false transcript, change how long one is kept,
 * or mask what it says.
 */
export const transcriptsStay = ({ accountId, prefix }: Contract): Statement => ({
  Sid: "TranscriptsStay",
  Effect: "Deny",
  Action: ["logs:*KmsKey", "logs:Create*", "logs:Delete*", "logs:Put*"],
  // `sessionLogGroup` of both regions, and its streams. One pattern: a boundary has little room.
  Resource: `arn:aws:logs:*:${accountId}:log-group:/${prefix}/*/sessions*`,
});
