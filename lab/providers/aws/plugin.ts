/** Stand-in for the AWS provider: real handlers where operations touch the resource, a simulation for all other types. */
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { ResourceRef } from "../plugin.js";
import { type Handler, ResourcePlugin } from "../resource-plugin.js";
import { sdkVersion } from "../sdk.js";
import { hasUnknown, type Props } from "../values.js";
import { type AwsConfig, AwsContext, assertLoopback, clientFor } from "./context.js";
import { HANDLERS } from "./handlers/index.js";
import { INVOKES } from "./invokes.js";
import { simulate } from "./simulate.js";

export class AwsPlugin extends ResourcePlugin<AwsContext> {
  readonly version = sdkVersion("aws");
  readonly replaceOnConfig = ["region"];
  protected override readonly alwaysReplaceOn = ["region"];
  private config: AwsConfig | undefined;

  async configure(config: Props): Promise<void> {
    const endpoint = assertLoopback(process.env.DR_SANDBOX_ENDPOINT);
    const { region } = config;
    if (!region) throw new Error("aws provider without a region: set `region` on the provider");
    const { Account } = await clientFor(STSClient, endpoint, region).send(new GetCallerIdentityCommand({}));
    const allowed = parse(config.allowedAccountIds) as string[] | undefined;
    if (allowed && !hasUnknown(allowed) && !allowed.includes(Account as string)) {
      throw new Error(
        `AWS account ${Account} is not allowed\n  Settings name ${allowed.join(", ")}.\n  → use that account's credentials, or correct accountId`,
      );
    }
    const tags = (parse(config.defaultTags) as { tags?: Record<string, string> } | undefined)?.tags ?? {};
    this.config = { endpoint, region, accountId: Account as string, defaultTags: tags };
  }

  async invoke(token: string, args: Props): Promise<Props> {
    const answer = INVOKES[token];
    if (!answer) throw new Error(`the stand-in AWS provider doesn't answer ${token}`);
    return answer(this.context(args.region), args);
  }

  protected override get impliedInputs(): Props {
    return { region: this.config?.region };
  }

  protected handlerOf(type: string): Handler<AwsContext> {
    return HANDLERS[type] ?? simulate(type);
  }

  protected contextOf(_ref: ResourceRef, inputs: Props): AwsContext {
    return this.context(inputs.region);
  }

  protected override commonOutputs(_ref: ResourceRef, inputs: Props): Props {
    const context = this.context(inputs.region);
    return { region: context.region, tagsAll: context.allTags(inputs) };
  }

  /** Handlers read all tags; the user's own are those that are not the provider's default ones. */
  protected override normalizeRead(context: AwsContext, found: Props): Props {
    if (!found.tagsAll || found.tags) return found;
    return { ...found, tags: context.ownTags(found.tagsAll) };
  }

  private context(region: string | undefined): AwsContext {
    if (!this.config) throw new Error("the provider was used before it was configured");
    return new AwsContext(this.config, region ?? this.config.region);
  }
}

/** Provider configuration arrives as JSON text. */
const parse = (value: unknown): unknown =>
  typeof value === "string" && /^[[{]/.test(value) ? JSON.parse(value) : value;
