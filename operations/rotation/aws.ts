/** Secrets Manager and the fleets of an AWS account. */
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  DescribeInstanceRefreshesCommand,
  StartInstanceRefreshCommand,
} from "@aws-sdk/client-auto-scaling";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { UserError } from "../../common/errors.js";
import { waitForReplicas, writeNextValue } from "../../credentials/secrets-manager.js";
import type { Contract } from "../../settings/contract.js";
import type { RotationServices } from "./ports.js";

const POLL_MILLIS = 10_000;
/** Two minutes for each server's warm-up, and a minute for the requests of the one that goes. */
const ROLL_MINUTES = 60;
const UNDER_WAY = ["Pending", "InProgress", "Baking"];

export function awsRotation(
  contract: Pick<Contract, "home" | "recovery">,
  sleep: (millis: number) => Promise<void>,
): RotationServices {
  const client = new SecretsManagerClient({ region: contract.home.region });
  const settle = (name: string) => waitForReplicas(client, name, { regions: [contract.recovery.region] });
  return {
    secrets: {
      async read(name) {
        const { SecretString: text } = await client.send(new GetSecretValueCommand({ SecretId: name }));
        if (text === undefined) throw new Error(`secret ${name} is not text`);
        return text;
      },
      async write(name, text) {
        await writeNextValue(client, name, text);
        await settle(name);
      },
      settle,
    },
    fleets: {
      async roll(id) {
        const groups = new AutoScalingClient({ region: contract[id].region });
        try {
          return await roll(groups, contract[id].tomcatServer, sleep);
        } finally {
          groups.destroy();
        }
      },
    },
    close: () => client.destroy(),
  };
}

/**
 * An instance refresh: new servers first, then the load balancer drains the old ones.
 * @param tomcatServer `Name` tag of the group
 * @returns how many servers it has replaced
 */
export async function roll(
  client: Pick<AutoScalingClient, "send">,
  tomcatServer: string,
  sleep: (millis: number) => Promise<void>,
): Promise<number> {
  const { AutoScalingGroups: groups = [] } = await client.send(
    new DescribeAutoScalingGroupsCommand({ Filters: [{ Name: "tag:Name", Values: [tomcatServer] }] }),
  );
  const [group] = groups;
  const servers = group?.Instances?.length ?? 0;
  if (!group || servers === 0) return 0;
  const name = { AutoScalingGroupName: group.AutoScalingGroupName };
  const deadline = Date.now() + ROLL_MINUTES * 60_000;
  const refreshes = async () =>
    (await client.send(new DescribeInstanceRefreshesCommand(name))).InstanceRefreshes ?? [];
  // One that runs already may have begun before the login changed.
  while ((await refreshes()).some(({ Status: status = "" }) => UNDER_WAY.includes(status)))
    await pause(deadline, tomcatServer, sleep);
  const { InstanceRefreshId: id } = await client.send(
    new StartInstanceRefreshCommand({
      ...name,
      // A server of the same launch template isn't skipped: only its login is old.
      Preferences: { MinHealthyPercentage: 90, MaxHealthyPercentage: 150, SkipMatching: false },
    }),
  );
  for (;;) {
    const now = (await refreshes()).find(({ InstanceRefreshId: each }) => each === id);
    if (now?.Status === "Successful") return servers;
    if (now && !UNDER_WAY.includes(now.Status ?? ""))
      throw new UserError(
        `the instance refresh of ${tomcatServer} is ${now.Status}`,
        now.StatusReason ?? "AWS gives no reason.",
        "fix that, then run the same command again: both logins are valid meanwhile",
      );
    await pause(deadline, tomcatServer, sleep);
  }
}

async function pause(
  deadline: number,
  name: string,
  sleep: (millis: number) => Promise<void>,
): Promise<void> {
  if (Date.now() > deadline)
    throw new UserError(
      `the instance refresh of ${name} takes more than ${ROLL_MINUTES} minutes`,
      "Both logins are valid meanwhile.",
      "run the same command again when it has ended",
    );
  await sleep(POLL_MILLIS);
}
