/**
 * Services that run on a machine from units which the project doesn't write: Debian's, and that of the CloudWatch agent.
 * `nodes/render/units.ts` confines them by drop-ins where the package doesn't; each image is tested for it when it is built.
 *
 * Not here, because their work is to run any command as root: `amazon-ssm-agent` and the four of `cloud-init`.
 */
const ON_EVERY_MACHINE = ["amazon-cloudwatch-agent", "chrony", "logrotate", "rsyslog"] as const;

/** Per kind of image, without the suffix `.service`. */
export const PACKAGED_SERVICES = {
  database: ["etcd", ...ON_EVERY_MACHINE],
  tomcat: ["haproxy", "tomcat10", ...ON_EVERY_MACHINE],
} as const;
