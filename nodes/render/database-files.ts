/** The files that a database node gets at boot. */
import type { Contract, DatabaseNode } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import {
  GUARD_CONFIG_FILE,
  IMAGE_PATHS,
  isReadReplica,
  type NodeFile,
  readableFile,
  regionOfNode,
} from "../layout.js";
import { BACKUP_CONFIG_FILE, renderBackupConfig } from "./backup-config.js";
import { CLOUDWATCH_FILE, renderDatabaseCloudwatch } from "./cloudwatch.js";
import { renderEtcd } from "./etcd.js";
import { renderGuardConfig } from "./guard-config.js";
import { NFTABLES_FILE, renderNftables } from "./nftables.js";
import { NODE_ENV_FILE, renderDatabaseEnv } from "./node-env.js";
import { renderPatroni } from "./patroni.js";
import { renderPgbackrest } from "./pgbackrest.js";

/** Every file of a database node: a voter, or a read replica, which runs no etcd and reconciles nothing. */
export function databaseFiles(settings: SharedSettings, contract: Contract, node: DatabaseNode): NodeFile[] {
  const { config, pgbackrest } = IMAGE_PATHS;
  const voter = !isReadReplica(regionOfNode(contract, node), node);
  return [
    readableFile(NODE_ENV_FILE, renderDatabaseEnv(contract, node)),
    readableFile(`${config}/patroni.yml`, renderPatroni(settings, contract, node)),
    readableFile(GUARD_CONFIG_FILE, renderGuardConfig(settings, contract, node)),
    readableFile(NFTABLES_FILE, renderNftables(settings, contract)),
    readableFile(pgbackrest, renderPgbackrest(settings, contract, node)),
    readableFile(CLOUDWATCH_FILE, renderDatabaseCloudwatch(contract, node)),
    ...(voter
      ? [
          readableFile("/etc/default/etcd", renderEtcd(settings, contract, node)),
          readableFile(BACKUP_CONFIG_FILE, renderBackupConfig(settings)),
        ]
      : []),
  ];
}
