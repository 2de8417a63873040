/** Every rule of the pack, listed by hand: a rule that isn't here isn't enforced, and a test says so. */
import type { Rule } from "./rule.js";
import * as storage from "./rules/storage.js";

/** In the order of the generated table. */
export const RULES_BY_DOMAIN: Readonly<Record<string, readonly Rule[]>> = {
  Storage: [
    storage.s3EncryptedWithKms,
    storage.s3TlsOnly,
    storage.s3PublicAccessBlocked,
    storage.s3Versioned,
    storage.s3OwnerEnforced,
    storage.s3ObjectLockCompliance,
    storage.s3VaultReplicated,
    storage.s3ReplicationSafe,
    storage.s3Lifecycle,
  ],
};

export const RULES: readonly Rule[] = Object.values(RULES_BY_DOMAIN).flat();
