/** The part of a guard's configuration that is about regions, where a test is not. */
import type { GuardConfig } from "../../../../nodes/guard/shared/config.js";

export const REGION: GuardConfig["region"] = {
  own: "here",
  peer: "there",
  table: "claims",
  endpoints: [
    { region: "here", url: "https://here.invalid" },
    { region: "there", url: "https://there.invalid" },
  ],
  rules: { leaseMillis: 15_000, marginMillis: 5000, readMillis: 2000, lagBudgetMillis: 60_000 },
  startsAsStandby: false,
  source: {
    addresses: ["10.1.0.1"],
    port: 5432,
    slot: "here",
    createReplicaMethods: ["basebackup"],
    vault: { createReplicaMethods: ["basebackup", "vault"], restoreCommand: "dr-get-wal there %f %p" },
  },
  peerSlot: "there",
};
