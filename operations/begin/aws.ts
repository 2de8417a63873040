/** A new deployment in the account of the shell's credentials, and the copy in the other one. */
import { S3Client } from "@aws-sdk/client-s3";
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { UserError } from "../../common/errors.js";
import type { Escrow } from "../../escrow/sealed.js";
import type { Place } from "../places/place.js";
import { VaultBucket } from "../vault/bucket.js";
import type { BeginPorts } from "./run.js";

type Deployment = Pick<BeginPorts, "contract" | "copy" | "vault" | "passphrase" | "readClaims">;

export interface OpenDeployment {
  readonly ports: Deployment;
  close(): void;
}

/** @throws UserError for an escrow without a copy, and when the vault can't be opened */
export async function awsDeployment(
  place: Place,
  { places }: Pick<Escrow, "places">,
): Promise<OpenDeployment> {
  const { copy } = places;
  if (!copy)
    throw new UserError(
      "the escrow names no third copy",
      "The setting backup.copyTo was not set when it was sealed.",
      "use an escrow that was sealed later",
    );
  const { contract } = place;
  const vault = await place.openVault("prod");
  const s3 = new S3Client({ region: copy.region });
  const secrets = new SecretsManagerClient({ region: contract.home.region });
  return {
    ports: {
      contract,
      copy: new VaultBucket(s3, copy.bucket),
      vault: vault.bucket,
      passphrase: secretOf(secrets, contract.secrets.backupCipher),
      readClaims: () => place.observe(),
    },
    close() {
      s3.destroy();
      secrets.destroy();
      vault.close();
    },
  };
}

function secretOf(client: SecretsManagerClient, name: string): BeginPorts["passphrase"] {
  const ask = async <T>(what: string, request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } catch (error) {
      const { name: kind, message } = error as Error;
      throw new UserError(
        `can't ${what} the secret ${name}`,
        `Secrets Manager says ${kind}: ${message}`,
        "deploy stack global first; use an administrator's credentials",
      );
    }
  };
  return {
    read: () =>
      ask("read", async () => {
        try {
          return (await client.send(new GetSecretValueCommand({ SecretId: name }))).SecretString;
        } catch (error) {
          // A secret without a value answers like one that doesn't exist; the write tells them apart.
          if ((error as Error).name === "ResourceNotFoundException") return undefined;
          throw error;
        }
      }),
    write: (value) =>
      ask("write", async () => {
        await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: value }));
      }),
  };
}
