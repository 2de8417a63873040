/** Pulumi itself doesn't delete data, and doesn't work in the wrong region. */
import type { Check } from "../rule.js";
import { ANY_TYPE, rule } from "../rule.js";
import { guidance } from "../standards.js";

/** What holds data, or without which data can't be read or found. */
const DATA_TYPES = [
  "aws:s3/bucket:Bucket",
  "aws:backup/vault:Vault",
  "aws:dynamodb/table:Table",
  "aws:kms/key:Key",
  "aws:kms/replicaKey:ReplicaKey",
  "aws:ebs/volume:Volume",
  "aws:secretsmanager/secret:Secret",
  "aws:route53/zone:Zone",
];

const isProtected: Check = function* ({ opts }) {
  if (!opts.protect) {
    yield {
      key: "protect",
      value: opts.protect,
      reason: "a destroy, a renamed resource or a changed name would delete what it holds",
      remedy: "set protect: true in the resource's options",
    };
  }
};

export const dataProtected = rule(
  {
    name: "data-protected",
    description: "Pulumi refuses to delete whatever holds data.",
    level: "mandatory",
    severity: "high",
    reference: guidance(
      "Pulumi: protect",
      "https://www.pulumi.com/docs/iac/concepts/resources/options/protect/",
    ),
  },
  Object.fromEntries(DATA_TYPES.map((type) => [type, isProtected])),
);

/** Belt to the braces of `pulumi:disable-default-providers`. */
export const explicitProvider = rule(
  {
    name: "explicit-provider",
    description: "Every resource names its provider, and with it its region.",
    level: "mandatory",
    severity: "high",
    reference: guidance(
      "Pulumi: disabling default providers",
      "https://www.pulumi.com/docs/iac/concepts/resources/providers/#disabling-default-providers",
    ),
  },
  {
    *[ANY_TYPE]({ type, provider }) {
      // Providers themselves, and the stack, have none.
      if (type.startsWith("pulumi:")) return;
      if (provider && /^default(_|$)/.test(provider.name)) {
        yield {
          key: "provider",
          value: provider.name,
          reason: "the default provider takes its region from the environment: often the wrong one",
          remedy: "pass parent: this, or the region's provider",
        };
      }
    },
  },
);
