import type { EscrowContents } from "../../escrow/sealed.js";

/** Everything that an escrow can hold. */
export const CONTENTS: EscrowContents = {
  readme: "How to restore: install the project, then run it.\nThe second line, with a trailing space: \n",
  project: { name: "disaster-recovery", version: "0.1.0" },
  passphrase: "J7n3kQ0vXyTz5wPb9LmR2dSf6GhC8aEu4NiVoKtYxWqBjZrM",
  authority: {
    certificate: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    key: "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n",
  },
  places: {
    accountId: "123456789012",
    regions: [
      {
        id: "home",
        region: "eu-west-1",
        vaultBucket: "drs-vault-123456789012-eu-west-1",
        stanza: "drs-eu-west-1",
        repositoryPath: "/eu-west-1",
      },
      {
        id: "recovery",
        region: "eu-west-2",
        vaultBucket: "drs-vault-123456789012-eu-west-2",
        stanza: "drs-eu-west-2",
        repositoryPath: "/eu-west-2",
      },
    ],
    copy: {
      accountId: "999999999999",
      bucket: "drs-copy",
      region: "eu-central-1",
      keyArn: "arn:aws:kms:eu-central-1:999999999999:key/5f3c",
    },
  },
  settings: {
    "Pulumi.yaml": "name: disaster-recovery\nconfig:\n  name: drs\n",
    "Pulumi.prod.yaml": "config:\n  site: hot\n",
  },
};
