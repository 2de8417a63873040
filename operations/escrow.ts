/** What both regions' records say of the escrow, for a status. */
import type { Emulated } from "../common/emulated.js";
import { EscrowRegion } from "../escrow/aws.js";
import { type EscrowState, escrowState } from "../escrow/record.js";
import type { Contract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { type Known, known, unknown } from "./known.js";
import { REGION_ANSWERS_MILLIS, within } from "./within.js";

export type EscrowStates = Readonly<Record<RegionId, Known<EscrowState>>>;

/** Never throws: a status without the escrow is better than none. */
export async function escrowStates(
  contract: Contract,
  { backup }: Pick<SharedSettings, "backup">,
  emulated?: Emulated,
): Promise<EscrowStates> {
  const stateIn = async (id: RegionId): Promise<Known<EscrowState>> => {
    const region = new EscrowRegion(contract[id].region, contract, emulated);
    try {
      return known(
        escrowState(await within(REGION_ANSWERS_MILLIS, region.facts()), Date.now(), backup.escrowMaxDays),
      );
    } catch (error) {
      return unknown(
        `the escrow's record was not read: ${(error as Error).message.replaceAll(/\s*\n\s*/g, " ")}`,
      );
    } finally {
      region.close();
    }
  };
  const [home, recovery] = await Promise.all([stateIn("home"), stateIn("recovery")]);
  return { home, recovery };
}
