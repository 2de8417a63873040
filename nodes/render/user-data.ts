/**
 * User data of an EC2 instance: a cloud-init configuration that writes the node's files and starts its services.
 *
 * It depends on nothing that a promotion changes (no epoch): a new launch template version would replace machines during
 * the promotion. Nor is it compressed, although cloud-init accepts that: zlib's output depends on its build, and an `up`
 * from another machine would see a change although nothing changed.
 */
import { stringify } from "yaml";
import { UserError } from "../../common/errors.js";
import type { Contract, DatabaseNode } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { isReadReplica, type NodeFile, PATRONI_UNIT, regionOfNode } from "../layout.js";
import { START_CLOUDWATCH } from "./cloudwatch.js";
import { databaseFiles } from "./database-files.js";
import { restoreFiles } from "./restore-files.js";
import { tomcatFiles } from "./tomcat-files.js";

/** EC2's limit, counted before base64. */
export const USER_DATA_LIMIT_BYTES = 16_384;

interface CloudConfig {
  readonly hostname?: string;
  readonly write_files: readonly {
    readonly path: string;
    readonly permissions: string;
    readonly content: string;
  }[];
  readonly runcmd: readonly (readonly string[])[];
}

export const renderDatabaseUserData = (
  settings: SharedSettings,
  contract: Contract,
  node: DatabaseNode,
): string => {
  const voter = !isReadReplica(regionOfNode(contract, node), node);
  return cloudConfig({
    hostname: node.name,
    write_files: databaseFiles(settings, contract, node).map(toCloudInit),
    runcmd: start(
      "dr-volume.service",
      "dr-secrets.service",
      ...(voter ? ["etcd.service"] : []),
      "dr-guard.service",
      PATRONI_UNIT,
      ...(voter
        ? ["dr-reconcile.timer", "dr-backup-server.service", "dr-backup.timer", "dr-check-vault.service"]
        : []),
    ),
  });
};

export const renderTomcatUserData = (
  settings: SharedSettings,
  contract: Contract,
  region: RegionId,
): string =>
  cloudConfig({
    write_files: tomcatFiles(settings, contract, region).map(toCloudInit),
    runcmd: start("dr-secrets.service", "dr-application.service", "haproxy.service", "tomcat10.service"),
  });

export const renderRestoreUserData = (
  settings: SharedSettings,
  contract: Contract,
  region: RegionId,
): string =>
  cloudConfig(
    {
      hostname: contract[region].restoreNode,
      write_files: restoreFiles(settings, contract, region).map(toCloudInit),
      runcmd: start(
        "dr-scratch.service",
        "dr-secrets.service",
        "dr-restore-test.service",
        "dr-restore-done.service",
      ),
    },
    { grows: "restoreTest.checks", remedy: "use shorter queries, or fewer: views can contain the long ones" },
  );

/** The image contains these services, disabled: they must not run before their files exist. */
const start = (...units: readonly string[]) => [
  ["systemctl", "daemon-reload"],
  ["systemctl", "enable", "--now", "--no-block", ...units],
  START_CLOUDWATCH,
];

const PARAMETERS_GROW = {
  grows: "database.parameters",
  remedy: "set fewer parameters here, and the others with ALTER DATABASE … SET",
};

/** @throws UserError when it is too large for EC2. */
function cloudConfig(config: CloudConfig, { grows, remedy } = PARAMETERS_GROW): string {
  const text = `#cloud-config\n${stringify(config, { version: "1.1", lineWidth: 0 })}`;
  const bytes = Buffer.byteLength(text);
  if (bytes <= USER_DATA_LIMIT_BYTES) return text;
  throw new UserError(
    `user data of ${config.hostname ?? "a Tomcat server"} would have ${bytes} bytes`,
    `EC2 accepts at most ${USER_DATA_LIMIT_BYTES}. The setting that makes it grow is ${grows}.`,
    remedy,
  );
}

const toCloudInit = ({ path, mode, content }: NodeFile) => ({ path, permissions: mode, content });
