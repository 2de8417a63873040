/** Where a region's Tomcat servers fetch the application from, and what must be put there first. No Pulumi here. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { sampleWar } from "../applications/sample/war.js";
import { UserError } from "../common/errors.js";
import type { RegionContract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";

export interface Application {
  /** What a server asks for: `s3://bucket/key.war`. */
  readonly uri: string;
  /** What the region's stack uploads; nothing when the WAR is already in S3. */
  readonly upload?: {
    readonly key: string;
    /** The file's absolute path. */
    readonly path: string;
  };
}

/** Relative paths of settings start here, wherever the command runs. */
const CHECKOUT = fileURLToPath(new URL("..", import.meta.url));

/**
 * A local WAR is stored under a name of its content: another one has another address, so that the fleet's
 * launch template changes with it and Auto Scaling rolls it out; the same one changes nothing.
 * @throws UserError when the file can't be read.
 */
export function applicationOf(
  { application: { war } }: { readonly application: Pick<SharedSettings["application"], "war"> },
  { artifactBucket }: Pick<RegionContract, "artifactBucket">,
): Application {
  if (war.startsWith("s3://")) return { uri: war };
  const path = war === "sample" ? sampleWar() : resolve(CHECKOUT, war);
  const hash = createHash("sha256").update(read(path, war)).digest("hex").slice(0, 16);
  const key = `applications/${basename(path, ".war")}-${hash}.war`;
  return { uri: `s3://${artifactBucket}/${key}`, upload: { key, path } };
}

function read(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(
      `application.war = ${setting} can't be read`,
      (error as Error).message,
      "name a WAR that exists, relative to the project's folder, or s3://bucket/key.war, or `sample`",
    );
  }
}
