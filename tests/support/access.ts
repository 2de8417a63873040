/** The roles of a recorded stack `global` with everything that limits them, and requests to judge them by. */
import { type Caller, mayCall, type Request, type Target } from "./iam.js";
import { ACCOUNT_ID, type Recording } from "./recorder.js";

/**
 * AWS's own policy on the preview role isn't in the recording. This stands for it and allows more: what it denies,
 * SecurityAudit doesn't allow either.
 */
const SECURITY_AUDIT = JSON.stringify({
  Statement: [
    { Effect: "Allow", Action: ["*:Describe*", "*:List*", "iam:Get*", "s3:GetBucket*"], Resource: "*" },
  ],
});
const EVERYTHING = JSON.stringify({ Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });

/** An administrator of the account: only resources' policies limit it. */
export const ADMINISTRATOR: Caller = {
  role: `arn:aws:iam::${ACCOUNT_ID}:role/Administrator`,
  policies: [EVERYTHING],
};

export const roleArn = (name: string): string => `arn:aws:iam::${ACCOUNT_ID}:role/${name}`;

/** Every role of the stack by its physical name. @throws when one has no boundary of this stack. */
export function callersOf(global: Recording): ReadonlyMap<string, Caller> {
  const text = withKeysArns(global);
  const boundaries = new Map(
    global
      .ofType("aws:iam/policy:Policy")
      .map(({ name, inputs }) => [`arn:aws:iam:here:${ACCOUNT_ID}:${name}`, text(inputs.policy)]),
  );
  const inline = global.ofType("aws:iam/rolePolicy:RolePolicy");
  const attached = global.ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment");
  return new Map(
    global.ofType("aws:iam/role:Role").map(({ inputs }) => {
      const boundary = boundaries.get(inputs.permissionsBoundary);
      if (boundary === undefined) throw new Error(`role ${inputs.name} has no boundary of this stack`);
      const own = ({ inputs: { role } }: { inputs: Record<string, any> }) => role === inputs.name;
      return [
        inputs.name as string,
        {
          role: roleArn(inputs.name),
          policies: [
            ...inline.filter(own).map(({ inputs }) => text(inputs.policy)),
            ...attached.filter(own).map(() => SECURITY_AUDIT),
          ],
          boundary,
        },
      ];
    }),
  );
}

/** The same caller, could it write its own policy: only its boundary limits it. */
export const unrestrained = (caller: Caller): Caller => ({ ...caller, policies: [EVERYTHING] });

const keysOf = (global: Recording) => [
  ...global.ofType("aws:kms/key:Key"),
  ...global.ofType("aws:kms/replicaKey:ReplicaKey"),
];

/** ARN of a key of the stack by its logical name, in the form that AWS gives it. */
export function keyArn(global: Recording, name: string): string {
  const { region } = global.one(name);
  return `arn:aws:kms:${region}:${ACCOUNT_ID}:key/${name}`;
}

/** The recorder's mocks give keys an ARN that no pattern matches. */
const withKeysArns = (global: Recording) => (document: string) =>
  keysOf(global).reduce(
    (text, { name }) =>
      text.replaceAll(`"arn:aws:kms:here:${ACCOUNT_ID}:${name}"`, `"${keyArn(global, name)}"`),
    document,
  );

/** The policies of the stack's buckets and keys. */
export function targetsOf(global: Recording): (resource: string) => Target {
  const policies = new Map([
    ...global
      .ofType("aws:s3/bucketPolicy:BucketPolicy")
      .map(({ inputs }) => [`arn:aws:s3:::${inputs.bucket}`, inputs.policy as string] as const),
    ...keysOf(global).map(({ name, inputs }) => [keyArn(global, name), inputs.policy as string] as const),
  ]);
  return (resource) => {
    const policy = policies.get(resource.split("/")[0] as string) ?? policies.get(resource);
    if (!resource.startsWith("arn:aws:kms:")) return { accountId: ACCOUNT_ID, policy };
    return { accountId: ACCOUNT_ID, rule: "alone", policy: policy ?? FOREIGN_KEY };
  };
}

/** The policy of another project's key: the account's policies decide, which is KMS's own default. */
const FOREIGN_KEY = JSON.stringify({
  Statement: [
    {
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${ACCOUNT_ID}:root` },
      Action: "kms:*",
      Resource: "*",
    },
  ],
});

export interface Ask extends Omit<Request, "principal"> {
  /** AWS region of the call. Default: the one in the resource's ARN. */
  readonly at?: string;
}

/** A request with the keys that AWS adds to every request of that kind. */
export function judge({ at, ...ask }: Ask, caller: Caller, target: Target): boolean {
  const region = at ?? ask.resource.split(":")[3];
  const context = {
    "aws:SecureTransport": "true",
    "s3:TlsVersion": "1.3",
    "kms:CallerAccount": ACCOUNT_ID,
    ...(region && { "aws:RequestedRegion": region }),
    ...ask.context,
  };
  return mayCall({ ...ask, context }, caller, target);
}
