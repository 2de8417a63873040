/**
 * Stand-in for the Kubernetes provider: objects exist in Pulumi's state only, with the names and the
 * metadata a cluster would give them. It proves nothing about a cluster; policies see the real objects.
 */
import { randomUUID } from "node:crypto";
import type { Plugin, ResourceRef } from "./plugin.js";
import { type Handler, ResourcePlugin } from "./resource-plugin.js";
import { sdkVersion } from "./sdk.js";
import type { Props } from "./values.js";

const object: Handler<undefined> = {
  name: false,
  replaceOn: ["apiVersion", "kind"],
  async create(_, inputs) {
    const { name, namespace } = inputs.metadata;
    return {
      id: namespace ? `${namespace}/${name}` : name,
      outputs: { metadata: { ...inputs.metadata, uid: randomUUID(), generation: 1 } },
    };
  },
  async update(_, _id, news, olds) {
    return {
      metadata: { ...olds.metadata, ...news.metadata, generation: (olds.metadata?.generation ?? 0) + 1 },
    };
  },
};

export class KubernetesPlugin extends ResourcePlugin<undefined> implements Plugin {
  readonly version = sdkVersion("kubernetes");
  readonly replaceOnConfig = ["context", "kubeconfig"];
  async configure(): Promise<void> {}

  async invoke(token: string): Promise<Props> {
    throw new Error(`the stand-in Kubernetes provider doesn't answer ${token}`);
  }

  /** Objects are named in their metadata, not by a `name` input. */
  override async check(ref: ResourceRef, olds: Props, news: Props, seed: Uint8Array) {
    const { inputs, failures } = await super.check(ref, olds, news, seed);
    const name =
      inputs.metadata?.name ??
      olds.metadata?.name ??
      `${ref.name}-${Buffer.from(seed).toString("hex").slice(0, 8)}`;
    return { inputs: { ...inputs, metadata: { ...inputs.metadata, name } }, failures };
  }

  protected handlerOf(): Handler<undefined> {
    return object;
  }

  protected contextOf(): undefined {
    return undefined;
  }
}
