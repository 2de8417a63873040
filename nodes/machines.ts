/** The machines of a region as plain data: those that the launch templates start, for programs that start them elsewhere. */

import { addressAt } from "../settings/cidr-arithmetic.js";
import type { Contract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { isReadReplica, membersOf } from "./layout.js";
import { renderDatabaseUserData, renderRestoreUserData, renderTomcatUserData } from "./render/user-data.js";

export interface MachinePlan {
  readonly name: string;
  readonly role: "database" | "read-replica" | "tomcat" | "restore";
  readonly region: RegionId;
  readonly address: string;
  readonly userData: string;
}

/** AWS keeps the first four addresses of a subnet; these leave room for a load balancer's. */
const FIRST_SERVER = 10;
/** Different from the database nodes' addresses, which begin at 10 and 20. EC2 assigns any free address. */
const RESTORE_HOST = 30;

/**
 * The database nodes, voters first, then the Tomcat servers. On EC2 servers come and go with any name and address; here
 * they are `<name>-<aws region>-web-1` and so on, spread over the zones.
 * @param tomcats how many servers. Default: none.
 */
export function machinesOf(
  settings: SharedSettings,
  contract: Contract,
  region: RegionId,
  { tomcats = 0 }: { readonly tomcats?: number } = {},
): MachinePlan[] {
  const own = contract[region];
  const nodes = membersOf(own).map((node) => ({
    name: node.name,
    role: isReadReplica(own, node) ? ("read-replica" as const) : ("database" as const),
    region,
    address: node.address,
    userData: renderDatabaseUserData(settings, contract, node),
  }));
  const fleet = Array.from({ length: tomcats }, (_, i) => ({
    name: `${own.vpcName}-web-${i + 1}`,
    role: "tomcat" as const,
    region,
    address: addressAt(
      own.privateCidrs[i % own.privateCidrs.length] as string,
      FIRST_SERVER + Math.floor(i / own.privateCidrs.length),
    ),
    userData: renderTomcatUserData(settings, contract, region),
  }));
  return [...nodes, ...fleet];
}

/** The temporary machine for a restore or a restore test. */
export function restoreMachine(settings: SharedSettings, contract: Contract, region: RegionId): MachinePlan {
  const { restoreNode, dataCidrs } = contract[region];
  return {
    name: restoreNode,
    role: "restore",
    region,
    address: addressAt(dataCidrs[0] as string, RESTORE_HOST),
    userData: renderRestoreUserData(settings, contract, region),
  };
}
