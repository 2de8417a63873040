/**
 * What a machine runs at each start: attach the data volume, fetch secrets into memory. The scripts are the
 * same everywhere; what differs stands in `node.env`.
 */
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { type Contract, DATABASE_LOGINS, type DatabaseNode, NODE_TAG } from "../stacks/contract.js";
import { APPLICATION_DATABASE, IMAGE_PATHS, regionOfNode } from "./layout.js";

const { data, config, run } = IMAGE_PATHS;

/** Where a service finds its secrets, as `NAME='value'`. In memory only. */
export const SECRETS_FILE = `${run}/secrets.env`;

/** Values of a database node that scripts and units read. */
export function renderDatabaseEnv(_settings: SharedSettings, contract: Contract, node: DatabaseNode): string {
  const { superuser, replication, rewind, application, backupCipher } = contract.secrets;
  return renderEnv({
    AWS_DEFAULT_REGION: regionOfNode(contract, node).region,
    DR_NODE: node.name,
    DR_SECRETS_OWNER: "postgres",
    DR_SECRETS: secretList({
      PATRONI_SUPERUSER_PASSWORD: password(superuser),
      PATRONI_REPLICATION_PASSWORD: password(replication),
      PATRONI_REWIND_PASSWORD: password(rewind),
      DR_APPLICATION_PASSWORD: password(application),
      PGBACKREST_REPO1_CIPHER_PASS: backupCipher,
    }),
  });
}

/** Values of a Tomcat server. */
export function renderTomcatEnv(_settings: SharedSettings, contract: Contract, region: RegionId): string {
  return renderEnv({
    AWS_DEFAULT_REGION: contract[region].region,
    DR_SECRETS_OWNER: "tomcat",
    DR_SECRETS: secretList({ DR_DATABASE_PASSWORD: password(contract.secrets.application) }),
  });
}

/** A login's secret is JSON; `#` names the field. The others are the value itself. */
const password = (secret: string): string => `${secret}#password`;

/** Names of variables and of the secrets that fill them; never a secret itself. */
const secretList = (secrets: Readonly<Record<string, string>>): string =>
  Object.entries(secrets)
    .map(([variable, secret]) => `${variable}=${secret}`)
    .join(" ");

/** In the syntax that systemd and a shell both read. */
const renderEnv = (variables: Readonly<Record<string, string>>): string =>
  `${Object.entries(variables)
    .map(([name, value]) => `${name}="${value}"`)
    .join("\n")}\n`;

/**
 * Attaches the volume that carries this node's tag, waits for it, makes a file system on an empty one only
 * (mkfs.xfs refuses a device that has one) and mounts it.
 */
export const ATTACH_VOLUME = `#!/bin/bash
set -euo pipefail
imds() {
  local token
  token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
  curl -sf -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}
mountpoint -q ${data} && exit 0
until instance=$(imds instance-id); do sleep 1; done
until volume=$(aws ec2 describe-volumes --filters "Name=tag:${NODE_TAG},Values=$DR_NODE" \\
  --query 'Volumes[0].VolumeId' --output text) && [[ $volume == vol-* ]]; do sleep 2; done
holder() {
  aws ec2 describe-volumes --volume-ids "$volume" --query 'Volumes[0].Attachments[0].InstanceId' --output text
}
until [[ $(holder) == "$instance" ]]; do
  # Refused while the machine before this one is still shutting down.
  aws ec2 attach-volume --volume-id "$volume" --instance-id "$instance" --device /dev/sdf || sleep 5
done
device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_\${volume/-/}
until [[ -b $device ]]; do sleep 1; done
if blkid -p "$device"; then :; elif [[ $? == 2 ]]; then mkfs.xfs -L dr-data "$device"; else exit 1; fi
mkdir -p ${data}
mount -o noatime "$device" ${data}
xfs_growfs ${data}
`;

/** Folders on the volume, and a certificate for PostgreSQL until it gets one from an authority. */
export const PREPARE_DATA = `#!/bin/bash
set -euo pipefail
install -d -m 0700 -o etcd -g etcd ${data}/etcd
install -d -m 0700 -o postgres -g postgres ${data}/postgres ${data}/tls ${data}/pgbackrest ${data}/pgbackrest/spool
if [[ ! -e ${data}/tls/server.key ]]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$DR_NODE" \\
    -keyout ${data}/tls/server.key -out ${data}/tls/server.crt
  chown postgres:postgres ${data}/tls/server.*
  chmod 0600 ${data}/tls/server.key
fi
`;

/** Fetches each secret of DR_SECRETS, trying until all are there, and writes them for one user to read. */
export const FETCH_SECRETS = `#!/bin/bash
set -euo pipefail
umask 077
install -d -m 0770 -g "$DR_SECRETS_OWNER" ${run}
: > ${SECRETS_FILE}.new
for pair in $DR_SECRETS; do
  secret=\${pair#*=}
  until value=$(aws secretsmanager get-secret-value --secret-id "\${secret%#*}" --query SecretString --output text); do
    sleep 2
  done
  if [[ $secret == *#* ]]; then
    value=$(python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "\${secret#*#}" <<< "$value")
  fi
  printf "%s='%s'\\n" "\${pair%%=*}" "$value" >> ${SECRETS_FILE}.new
done
mv ${SECRETS_FILE}.new ${SECRETS_FILE}
`;

/** Patroni runs it once in the life of a cluster, with a connection string as its argument. */
export const POST_BOOTSTRAP = `#!/bin/bash
set -euo pipefail
psql "$1" --set=ON_ERROR_STOP=1 --set=password="$DR_APPLICATION_PASSWORD" <<'SQL'
CREATE ROLE ${DATABASE_LOGINS.application} LOGIN PASSWORD :'password';
CREATE DATABASE ${APPLICATION_DATABASE} OWNER ${DATABASE_LOGINS.application};
SQL
`;

export const NODE_ENV_FILE = `${config}/node.env`;
