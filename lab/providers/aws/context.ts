/** AWS clients for one region of the emulator, and the guard that no call ever leaves this machine. */
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Props } from "../values.js";

/** Services whose control plane is us-east-1, whatever the region of the provider. */
const GLOBAL_SERVICES = new Set(["iam", "route53", "cloudfront", "globalaccelerator", "organizations"]);

type ClientClass<T> = new (config: any) => T;

/** @throws Error unless the endpoint is an address of this machine's loopback. */
export function assertLoopback(endpoint: string | undefined): string {
  if (!endpoint) {
    throw new Error(
      "DR_SANDBOX_ENDPOINT is not set\n  The stand-in provider only works against the emulator.\n  → use `npx dr sandbox …`, or the variables of `npx dr sandbox env`",
    );
  }
  const { hostname } = new URL(endpoint);
  if (!/^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(hostname)) {
    throw new Error(
      `DR_SANDBOX_ENDPOINT = ${endpoint}\n  The stand-in provider talks to this machine's loopback only.\n  → for a real account use Pulumi's own AWS provider`,
    );
  }
  return endpoint;
}

export interface AwsConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly accountId: string;
  readonly defaultTags: Readonly<Record<string, string>>;
}

/** What a handler works with: one region, one account. */
export class AwsContext {
  constructor(
    private readonly config: AwsConfig,
    /** Region of the resource: its own `region`, else the provider's. */
    readonly region: string,
  ) {}

  get accountId(): string {
    return this.config.accountId;
  }

  /** A client of the emulator for this region (us-east-1 for global services), made once. */
  client<T>(Class: ClientClass<T>, region = this.region): T {
    return clientFor(Class, this.config.endpoint, region);
  }

  /** `arn:aws:<service>:<region>:<account>:<resource>` */
  arn(service: string, resource: string, region = this.region): string {
    return `arn:aws:${service}:${region}:${this.accountId}:${resource}`;
  }

  /** The resource's tags over the provider's default tags. Autoscaling groups list theirs and get no default ones. */
  allTags({ tags }: Props): Record<string, string> {
    return Array.isArray(tags) ? {} : { ...this.config.defaultTags, ...tags };
  }

  /** All tags but the provider's default ones. */
  ownTags(all: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(all).filter(([key, value]) => this.config.defaultTags[key] !== value),
    );
  }

  /** The same as AWS lists: `[{Key, Value}]`. */
  tagList(inputs: Props): { Key: string; Value: string }[] {
    return Object.entries(this.allTags(inputs)).map(([Key, Value]) => ({ Key, Value }));
  }

  /** Asks the region's endpoint who we are: a simulated resource must fail, too, where its region is out of reach. */
  async knock(service: string): Promise<void> {
    const region = GLOBAL_SERVICES.has(service) ? "us-east-1" : this.region;
    await this.client(STSClient, region).send(new GetCallerIdentityCommand({}));
  }
}

const clients = new Map<string, unknown>();

export function clientFor<T>(Class: ClientClass<T>, endpoint: string, region: string): T {
  const accessKeyId = process.env.AWS_ACCESS_KEY_ID ?? "test";
  const key = `${Class.name} ${endpoint} ${region} ${accessKeyId}`;
  if (!clients.has(key)) {
    clients.set(
      key,
      new Class({
        endpoint,
        region,
        // Path style: bucket names are no host names on loopback.
        forcePathStyle: true,
        maxAttempts: 2,
        credentials: {
          accessKeyId,
          secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? "test",
        },
      }),
    );
  }
  return clients.get(key) as T;
}
