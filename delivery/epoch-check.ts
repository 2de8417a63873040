/**
 * What must hold between a stack's settings and what is deployed of it, before an `up` in a pipeline. A run
 * that waited for approval, or a branch cut before a promotion, would otherwise take a region's size and
 * state back to before it. No Pulumi here.
 */
import type { Problem } from "../common/errors.js";
import { ANY_ACCOUNT, contractOf } from "../settings/contract.js";
import type { RegionSettings, SharedSettings } from "../settings/schema.js";
import { isRegionStack, type RegionId, regionIdOf, type StackName } from "../settings/stacks.js";

/** What is compared of a stack's state. */
export interface DeployedStack {
  /** Epochs whose claims the state holds. */
  readonly epochs: readonly number[];
  /** Regions of its AWS providers. */
  readonly regions: readonly string[];
  /** Which region is which, where the state says so: `global` publishes a handoff into each. */
  readonly placed: Readonly<Partial<Record<RegionId, string>>>;
}

interface StateResource {
  readonly type?: string;
  readonly urn?: string;
  /** `<urn>::<id>` of the provider. */
  readonly provider?: string;
  readonly inputs?: { readonly region?: string };
}

const CLAIM_TYPE = "aws:dynamodb/tableItem:TableItem";
const PROVIDER_TYPE = "pulumi:providers:aws";
const CLAIM_NAME = /::claim-(\d+)$/;
const HANDOFF_NAME = /::handoff-(home|recovery)$/;

/**
 * Reads what `pulumi stack export` prints.
 * @returns undefined when the state holds no resource at all: nothing was deployed yet.
 * @throws Error when it is no such export.
 */
export function readDeployed(exported: unknown): DeployedStack | undefined {
  const deployment = (exported as { deployment?: { resources?: StateResource[] } } | null)?.deployment;
  const resources = deployment?.resources ?? [];
  if (!deployment || !Array.isArray(resources)) throw new Error("it has no deployment with resources");
  if (resources.length === 0) return undefined;
  const regionByProvider = new Map(
    resources
      .filter(({ type }) => type === PROVIDER_TYPE)
      .map(({ urn, inputs }) => [urn, String(inputs?.region)] as const),
  );
  const named = (pattern: RegExp) =>
    resources.flatMap((resource) => {
      const name = pattern.exec(resource.urn ?? "")?.[1];
      return name === undefined ? [] : [{ name, resource }];
    });
  return {
    epochs: named(CLAIM_NAME)
      .filter(({ resource }) => resource.type === CLAIM_TYPE)
      .map(({ name }) => Number(name)),
    regions: [...new Set(regionByProvider.values())],
    placed: Object.fromEntries(
      named(HANDOFF_NAME).map(({ name, resource }) => [
        name,
        regionByProvider.get(resource.provider?.replace(/::[^:]*$/, "")),
      ]),
    ),
  };
}

interface Needed {
  readonly key: string;
  readonly region: string;
  readonly id?: RegionId;
}

function neededBy(stack: StackName, settings: SharedSettings): Needed[] {
  if (stack === "copy") {
    const region = contractOf(settings, ANY_ACCOUNT).copy?.region;
    return region ? [{ key: "backup.copyTo.region", region }] : [];
  }
  const ids: readonly RegionId[] = isRegionStack(stack) ? [regionIdOf(stack)] : ["home", "recovery"];
  return ids.map((id) => ({ key: `regions.${id}`, region: settings.regions[id], id }));
}

/** @returns the problems that forbid the `up`; empty if it may run. */
export function checkEpoch(
  stack: StackName,
  settings: SharedSettings | RegionSettings,
  { epochs, regions, placed }: DeployedStack,
): Problem[] {
  const problems: Problem[] = [];
  if (isRegionStack(stack) && "epoch" in settings) {
    const claimed = Math.max(0, ...epochs);
    if (settings.epoch < claimed) {
      problems.push({
        key: "epoch",
        value: settings.epoch,
        reason: `is below ${claimed}, which this region has claimed; a claim is permanent, so the lower number would only hide which region is active`,
        remedy: `set it to ${claimed} (pulumi config set epoch ${claimed} --stack ${stack}) and merge; to hand over, raise the other region's epoch`,
      });
    }
  }
  for (const { key, region, id } of neededBy(stack, settings)) {
    const deployed = id && placed[id] ? [placed[id]] : regions;
    if (deployed.length === 0 || deployed.includes(region)) continue;
    problems.push({
      key,
      value: region,
      reason: `is not where stack ${stack} is deployed (${deployed.join(", ")}); a new region would replace every resource in the old one`,
      remedy:
        "restore the deployed region in the settings; to move to another region, create a new project from a backup",
    });
  }
  return problems;
}
