/**
 * User data of an EC2 instance: cloud-init that writes the node's files and starts its services.
 *
 * It depends on nothing that a promotion changes (no epoch): a new launch template version would replace
 * machines in the middle of one. Nor is it compressed, although cloud-init could: the bytes that zlib makes
 * depend on its build, and an `up` from another machine would see a change where there is none.
 */
import { stringify } from "yaml";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import type { Contract, DatabaseNode } from "../stacks/contract.js";
import {
  ATTACH_VOLUME,
  FETCH_SECRETS,
  NODE_ENV_FILE,
  POST_BOOTSTRAP,
  PREPARE_DATA,
  renderDatabaseEnv,
  renderTomcatEnv,
} from "./boot.js";
import { renderEtcd } from "./etcd.js";
import { renderHaproxy } from "./haproxy.js";
import { IMAGE_PATHS, type NodeFile } from "./layout.js";
import { renderPatroni } from "./patroni.js";
import { renderPgbackrest } from "./pgbackrest.js";
import { renderTomcat } from "./tomcat.js";
import { ETCD_DROP_IN, PATRONI_UNIT, SECRETS_UNIT, TOMCAT_DROP_IN, VOLUME_UNIT } from "./units.js";

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

/** Every file of a database node. */
export function databaseFiles(settings: SharedSettings, contract: Contract, node: DatabaseNode): NodeFile[] {
  const { config } = IMAGE_PATHS;
  return [
    plain(NODE_ENV_FILE, renderDatabaseEnv(settings, contract, node)),
    plain(`${config}/patroni.yml`, renderPatroni(settings, contract, node)),
    plain("/etc/default/etcd", renderEtcd(settings, contract, node)),
    plain("/etc/pgbackrest.conf", renderPgbackrest(settings, contract, node)),
    script("/usr/local/sbin/dr-attach-volume", ATTACH_VOLUME),
    script("/usr/local/sbin/dr-prepare-data", PREPARE_DATA),
    script("/usr/local/sbin/dr-fetch-secrets", FETCH_SECRETS),
    script("/usr/local/sbin/dr-post-bootstrap", POST_BOOTSTRAP),
    plain("/etc/systemd/system/dr-volume.service", VOLUME_UNIT),
    plain("/etc/systemd/system/dr-secrets.service", SECRETS_UNIT),
    plain("/etc/systemd/system/etcd.service.d/dr.conf", ETCD_DROP_IN),
    plain("/etc/systemd/system/patroni.service", PATRONI_UNIT),
  ];
}

/** Every file of a Tomcat server. */
export function tomcatFiles(settings: SharedSettings, contract: Contract, region: RegionId): NodeFile[] {
  return [
    plain(NODE_ENV_FILE, renderTomcatEnv(settings, contract, region)),
    plain(`${IMAGE_PATHS.config}/tomcat.env`, renderTomcat(settings, contract)),
    plain("/etc/haproxy/haproxy.cfg", renderHaproxy(settings, contract, region)),
    script("/usr/local/sbin/dr-fetch-secrets", FETCH_SECRETS),
    plain("/etc/systemd/system/dr-secrets.service", SECRETS_UNIT),
    plain("/etc/systemd/system/tomcat10.service.d/dr.conf", TOMCAT_DROP_IN),
  ];
}

export const renderDatabaseUserData = (
  settings: SharedSettings,
  contract: Contract,
  node: DatabaseNode,
): string =>
  cloudConfig({
    hostname: node.name,
    write_files: databaseFiles(settings, contract, node).map(toCloudInit),
    runcmd: start("dr-volume", "dr-secrets", "etcd", "patroni"),
  });

export const renderTomcatUserData = (
  settings: SharedSettings,
  contract: Contract,
  region: RegionId,
): string =>
  cloudConfig({
    write_files: tomcatFiles(settings, contract, region).map(toCloudInit),
    runcmd: start("dr-secrets", "haproxy", "tomcat10"),
  });

/** The image has these services, disabled: they must not run before their files are there. */
const start = (...services: readonly string[]) => [
  ["systemctl", "daemon-reload"],
  ["systemctl", "enable", "--now", "--no-block", ...services.map((service) => `${service}.service`)],
];

const cloudConfig = (config: CloudConfig): string =>
  `#cloud-config\n${stringify(config, { version: "1.1", lineWidth: 0 })}`;

const toCloudInit = ({ path, mode, content }: NodeFile) => ({ path, permissions: mode, content });
const plain = (path: string, content: string): NodeFile => ({ path, content, mode: "0644" });
const script = (path: string, content: string): NodeFile => ({ path, content, mode: "0755" });
