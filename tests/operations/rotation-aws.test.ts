/** Replacing the Tomcat servers of a region, with answers as AWS's API reference describes them. */
import type { AutoScalingClient } from "@aws-sdk/client-auto-scaling";
import { expect, test } from "vitest";
import { roll } from "../../operations/rotation/aws.js";

interface Call {
  readonly constructor: { readonly name: string };
  readonly input: Readonly<Record<string, unknown>>;
}

/** @param statuses of the newest refresh, one for each question; the last one stays */
function account(servers: number, ...statuses: readonly string[]) {
  const calls: Call[] = [];
  let asked = 0;
  const send = async (call: Call) => {
    calls.push(call);
    switch (call.constructor.name) {
      case "DescribeAutoScalingGroupsCommand":
        return {
          AutoScalingGroups: [{ AutoScalingGroupName: "fleet-1a2b", Instances: new Array(servers).fill({}) }],
        };
      case "DescribeInstanceRefreshesCommand": {
        const status = statuses[Math.min(asked++, statuses.length - 1)];
        return {
          InstanceRefreshes: status
            ? [
                {
                  InstanceRefreshId: status === "before" ? "other" : "mine",
                  Status: status === "before" ? "InProgress" : status,
                  StatusReason: "no capacity",
                },
              ]
            : [],
        };
      }
      default:
        return { InstanceRefreshId: "mine" };
    }
  };
  const names = () => calls.map((call) => call.constructor.name.replace("Command", ""));
  return { client: { send } as unknown as Pick<AutoScalingClient, "send">, calls, names };
}
const sleep = async () => {};

test("finds the group by its name, replaces its servers and waits for the end", async () => {
  const { client, calls, names } = account(2, "", "Pending", "InProgress", "Successful");
  expect(await roll(client, "drs-eu-west-1-tomcat", sleep)).toBe(2);
  expect(calls[0]?.input).toEqual({ Filters: [{ Name: "tag:Name", Values: ["drs-eu-west-1-tomcat"] }] });
  expect(calls[2]?.input).toEqual({
    AutoScalingGroupName: "fleet-1a2b",
    Preferences: { MinHealthyPercentage: 90, MaxHealthyPercentage: 150, SkipMatching: false },
  });
  expect(names().filter((name) => name === "DescribeInstanceRefreshes")).toHaveLength(4);
});

test("a refresh that is under way may have begun with the old login: it waits, and begins another one", async () => {
  const { client, names } = account(2, "before", "", "Successful");
  expect(await roll(client, "tomcat", sleep)).toBe(2);
  expect(names().indexOf("StartInstanceRefresh")).toBe(3);
});

test("a region without servers has none to replace", async () => {
  const { client, names } = account(0);
  expect(await roll(client, "tomcat", sleep)).toBe(0);
  expect(names()).toEqual(["DescribeAutoScalingGroups"]);
});

test.each(["Failed", "Cancelled", "RollbackSuccessful"])(
  "a refresh that ends as %s is an error",
  async (status) => {
    const { client } = account(2, "", status);
    await expect(roll(client, "tomcat", sleep)).rejects.toThrow(
      `the instance refresh of tomcat is ${status}`,
    );
  },
);
