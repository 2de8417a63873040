/**
 * The one recorder for tests of the program: builds resources under Pulumi's mocks and returns what was
 * registered. Tests assert on what it returns, never inside an `apply`.
 */
import { relative } from "node:path";
import * as pulumi from "@pulumi/pulumi";
// The mock monitor drops the options of a request; the recorder needs them.
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import { REPO } from "../../common/paths.js";
import type { RawSettings } from "../../settings/parse.js";
import type { StackName } from "../../settings/stacks.js";
import { program } from "../../stacks/program.js";
import { fixtureSettings } from "./fixtures.js";

export const ACCOUNT_ID = "123456789012";

export interface Recorded {
  readonly type: string;
  readonly name: string;
  /** Inputs as the provider would get them; secrets are plain text here. */
  readonly inputs: Record<string, any>;
  /** Name of the explicit provider, or "" for the default one (which is a mistake). */
  readonly provider: string;
  /** Region of that provider. */
  readonly region: string | undefined;
  readonly parent: string;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly ignoreChanges: readonly string[];
  /** Which resources each input was made from, as URNs; policies associate by it while ids are unknown. */
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  /** Everything that must be there before it, as URNs: by inputs and by `dependsOn`. */
  readonly dependencies: readonly string[];
  readonly custom: boolean;
}

export interface Recording {
  readonly resources: readonly Recorded[];
  readonly calls: readonly { token: string; inputs: Record<string, any>; provider: string }[];
  readonly outputs: Record<string, unknown>;
  /** The resources of one type, e.g. `aws:s3/bucket:Bucket`. */
  ofType(type: string): Recorded[];
  /** The only resource of that name (and type, when given). @throws when there is none or more than one. */
  one(name: string, type?: string): Recorded;
}

export type Invokes = Readonly<Record<string, (inputs: Record<string, any>) => Record<string, unknown>>>;

/** Answers for invokes that the program makes. An unknown one is an error, never an empty object. */
const INVOKES: Invokes = {
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    accountId: ACCOUNT_ID,
    arn: `arn:aws:iam::${ACCOUNT_ID}:user/test`,
    id: ACCOUNT_ID,
    userId: "test",
  }),
  "aws:ssm/getParameter:getParameter": ({ name }) => ({
    name,
    value: JSON.stringify(HANDOFF),
    type: "String",
    version: 1,
  }),
  "aws:ec2/getVpc:getVpc": ({ tags }) => ({ id: `${tags.Name}-vpc-id` }),
  "aws:ec2/getRouteTable:getRouteTable": ({ tags }) => ({
    id: `${tags.Name}-id`,
    routeTableId: `${tags.Name}-id`,
  }),
};

export const HANDOFF = {
  hostedZoneId: "Z0123456789",
  dataKeyArn: `arn:aws:kms:here:${ACCOUNT_ID}:key/mrk-data`,
  backupsKeyArn: `arn:aws:kms:here:${ACCOUNT_ID}:key/mrk-backups`,
  notificationsKeyArn: `arn:aws:kms:here:${ACCOUNT_ID}:key/mrk-notifications`,
  auditKeyArn: `arn:aws:kms:here:${ACCOUNT_ID}:key/audit`,
  certificateArn: `arn:aws:acm:here:${ACCOUNT_ID}:certificate/1`,
};

/** Shared settings of a valid stack; a test changes what it is about. */
export const BASE_SETTINGS: RawSettings = await fixtureSettings("global");

/** The same with a copy in another account, which stack `copy` needs. */
export const COPY_SETTINGS: RawSettings = await fixtureSettings("copy");

const recordings = new Map<string, Promise<Recording>>();

/**
 * Builds a whole stack from raw settings. Equal settings give the same recording, also to other test files of the same process;
 * that is why it is frozen.
 * @param invokes answers in place of the recorder's, by token; such a recording is made each time.
 */
export function recordStack(
  stack: StackName,
  raw: RawSettings = BASE_SETTINGS,
  invokes?: Invokes,
): Promise<Recording> {
  const project = "disaster-recovery";
  const config = Object.fromEntries(
    Object.entries(raw).map(([key, value]) => [
      `${project}:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  const build = () =>
    record(
      async () => {
        pulumi.runtime.setAllConfig(config);
        return program();
      },
      stack,
      invokes,
    );
  if (invokes) return build();
  const key = JSON.stringify([stack, Object.entries(config).sort()]);
  const recording = recordings.get(key) ?? build().then(freeze);
  recordings.set(key, recording);
  return recording;
}

/** A test that changed what others read would make them depend on their order. */
function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}

/** Builds whatever `build` declares. Not for `test.concurrent`: Pulumi's mocks are global. */
export async function record(
  build: () => Promise<Record<string, unknown> | undefined> | Record<string, unknown> | undefined,
  stack = "prod",
  invokes: Invokes = {},
): Promise<Recording> {
  const resources: Recorded[] = [];
  const calls: { token: string; inputs: Record<string, any>; provider: string }[] = [];
  const regions = new Map<string, string>();
  let last: Record<string, any> = {};

  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, id }) => {
        last = inputs;
        if (type === "pulumi:providers:aws") regions.set(name, inputs.region);
        return { id: id || `${name}-id`, state: { ...assignedOutputs(type, name), ...inputs } };
      },
      call: ({ token, inputs, provider }) => {
        const answer = invokes[token] ?? INVOKES[token];
        if (!answer) throw new Error(`the program calls ${token}, for which the recorder has no answer`);
        calls.push({ token, inputs, provider: providerName(provider) });
        return answer(inputs);
      },
    },
    "disaster-recovery",
    stack,
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as MockMonitor & {
    registerResource: (req: any, cb: any) => Promise<void>;
  };
  const original = MockMonitor.prototype.registerResource;
  monitor.registerResource = async function (this: MockMonitor, req: any, callback: any) {
    last = {};
    // The mock runs before the first await, so `last` is this request's here and only here.
    const pending = original.call(this, req, callback);
    const inputs = copyOf(last);
    await pending;
    await fillAssets(inputs);
    const provider = providerName(req.getProvider());
    if (req.getType() === "pulumi:pulumi:Stack") return;
    resources.push({
      type: req.getType(),
      name: req.getName(),
      inputs,
      provider,
      region: regions.get(provider),
      parent: req.getParent().split("::").at(-1) ?? "",
      protect: req.getProtect(),
      retainOnDelete: req.getRetainondelete(),
      ignoreChanges: req.getIgnorechangesList(),
      propertyDependencies: dependenciesOf(req),
      dependencies: req.getDependenciesList(),
      custom: req.getCustom(),
    });
  } as never;

  const outputs = (await build()) ?? {};
  const settled = await resolveOutputs(outputs);
  await pulumi.runtime.disconnect();
  return {
    resources,
    calls,
    outputs: settled,
    ofType: (type) => resources.filter((r) => r.type === type),
    one: (name, type) => {
      const found = resources.filter((r) => r.name === name && (!type || r.type === type));
      if (found.length !== 1) {
        throw new Error(
          `expected one resource named '${name}', found ${found.length} among:\n${resources.map((r) => `  ${r.type} ${r.name}`).join("\n")}`,
        );
      }
      return found[0] as Recorded;
    },
  };
}

/** A deep copy; an uploaded file, which no clone takes, stays itself until `fillAssets`. */
function copyOf(value: any): any {
  if (pulumi.asset.FileAsset.isInstance(value)) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]));
}

/** An uploaded file is recorded by its path in this repository. */
async function fillAssets(inputs: Record<string, any>): Promise<void> {
  for (const [key, value] of Object.entries(inputs)) {
    if (pulumi.asset.FileAsset.isInstance(value))
      inputs[key] = { file: relative(REPO, await (value as pulumi.asset.FileAsset).path) };
  }
}

function resolveOutputs(outputs: Record<string, unknown>): Promise<Record<string, unknown>> {
  return new Promise((resolve) =>
    pulumi.output(outputs).apply((value) => resolve(value as Record<string, unknown>)),
  );
}

function dependenciesOf(request: any): Record<string, string[]> {
  const dependencies: Record<string, string[]> = {};
  request.getPropertydependenciesMap().forEach((urns: any, property: string) => {
    dependencies[property] = urns.getUrnsList();
  });
  return dependencies;
}

/** A provider reference is `<urn>::<id>`; the urn ends in the provider's name. */
function providerName(reference: string | undefined): string {
  return reference ? (reference.split("::").at(-2) ?? "") : "";
}

/** What AWS would assign on create, as far as the program passes it on. */
function assignedOutputs(type: string, name: string): Record<string, unknown> {
  const service = type.split(":")[1]?.split("/")[0] ?? "x";
  const common = { arn: `arn:aws:${service}:here:${ACCOUNT_ID}:${name}`, name, id: `${name}-id` };
  switch (type) {
    case "aws:acm/certificate:Certificate":
      return {
        ...common,
        domainValidationOptions: [
          {
            domainName: name,
            resourceRecordName: "_x.example.com",
            resourceRecordType: "CNAME",
            resourceRecordValue: "_y.acm-validations.aws",
          },
        ],
      };
    case "aws:route53/zone:Zone":
      return { ...common, zoneId: "Z0123456789", nameServers: ["ns-1.example.net", "ns-2.example.net"] };
    case "aws:route53/record:Record":
      return { ...common, fqdn: `${name}.fqdn` };
    case "random:index/randomPassword:RandomPassword":
      return { ...common, result: `value of ${name}` };
    case "aws:lb/loadBalancer:LoadBalancer":
      return { ...common, dnsName: `${name}.elb.amazonaws.com`, zoneId: "ZELB", arnSuffix: `app/${name}/1` };
    case "aws:lb/targetGroup:TargetGroup":
      return { ...common, arnSuffix: `targetgroup/${name}/1` };
    case "aws:ec2/launchTemplate:LaunchTemplate":
      return { ...common, latestVersion: 1 };
    default:
      return common;
  }
}
