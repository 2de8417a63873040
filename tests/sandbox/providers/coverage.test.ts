import { expect, test } from "vitest";
import { HANDLERS } from "../../../sandbox/providers/aws/handlers/index.js";
import { STACK_NAMES } from "../../../settings/stacks.js";
import { BASE_SETTINGS, recordStack } from "../../support/recorder.js";

/** Types that the emulator has no API for; they exist in Pulumi's state only. */
const SIMULATED = ["aws:ec2/capacityReservation:CapacityReservation"];

test("every AWS type of the program, with every option on, is really made in the emulator or named here", async () => {
  const options = { fleet: { reserveCapacity: true }, pipeline: { repository: "owner/name" } };
  const types = new Set<string>();
  for (const egress of ["nat", "endpoints"]) {
    for (const stack of STACK_NAMES) {
      const { resources } = await recordStack(stack, { ...BASE_SETTINGS, ...options, network: { egress } });
      for (const { type } of resources) if (type.startsWith("aws:")) types.add(type);
    }
  }
  expect([...types].filter((type) => !(type in HANDLERS)).toSorted()).toEqual(SIMULATED);
});
