/**
 * Configuration of the CloudWatch agent: a machine's own metrics, and on a database node those that its guard sends to the
 * agent by StatsD, the other metrics of `components/alarms/metrics.ts`.
 */

import type { Contract, DatabaseNode } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { IMAGE_PATHS, regionOfNode, STATSD } from "../layout.js";

export const CLOUDWATCH_FILE = `${IMAGE_PATHS.config}/cloudwatch.json`;

/** Names that the alarms read. A test compares them with `components/alarms/metrics.ts`, which this file can't import. */
const DATA_VOLUME_METRIC = {
  name: "used_percent",
  rename: "DataVolumeUsedPercent",
  unit: "Percent",
} as const;

const INTERVAL_SECONDS = 60;

/** A gauge's last line in each interval counts. An interval without a line has no value, so a silent sender stays visible. */
const STATSD_SECONDS = 10;

const LISTEN = {
  service_address: `${STATSD.address}:${STATSD.port}`,
  metrics_collection_interval: STATSD_SECONDS,
  metrics_aggregation_interval: INTERVAL_SECONDS,
} as const;

/** For a database node: its metrics carry the node's name, which outlives the machine. */
export const renderDatabaseCloudwatch = (contract: Contract, node: DatabaseNode): string =>
  renderNodeCloudwatch(contract, regionOfNode(contract, node).id, "database", node.name);

/** For the restore machine, which publishes the result of its test. */
export const renderRestoreCloudwatch = (contract: Contract, region: RegionId): string =>
  renderNodeCloudwatch(contract, region, "restore", contract[region].restoreNode);

function renderNodeCloudwatch(
  contract: Contract,
  region: RegionId,
  kind: "database" | "restore",
  name: string,
): string {
  const dimensions = { Node: name };
  return render({
    namespace: contract.metricNamespaces[kind],
    group: contract[region].logGroups[kind],
    stream: name,
    metrics: {
      disk: {
        resources: [IMAGE_PATHS.data],
        measurement: [DATA_VOLUME_METRIC],
        drop_device: true,
        append_dimensions: dimensions,
      },
      mem: { measurement: ["mem_used_percent"], append_dimensions: dimensions },
      statsd: LISTEN,
    },
    // The agent adds a dimension `metric_type` to StatsD metrics. A region's metrics have no dimension, so the alarms
    // read the series without it.
    aggregate: [["Node"], []],
  });
}

/** For a Tomcat server. */
export const renderTomcatCloudwatch = (contract: Contract, region: RegionId): string =>
  render({
    namespace: contract.metricNamespaces.tomcat,
    group: contract[region].logGroups.tomcat,
    stream: "{instance_id}",
    metrics: {
      disk: { resources: ["/"], measurement: ["used_percent"], drop_device: true },
      mem: { measurement: ["mem_used_percent"] },
      statsd: LISTEN,
    },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the agent fills it in.
    append: { InstanceId: "${aws:InstanceId}" },
    // The alarms read the fleet as a whole.
    aggregate: [["InstanceId"], []],
  });

interface Agent {
  readonly namespace: string;
  readonly group: string;
  readonly stream: string;
  readonly metrics: Readonly<Record<string, object>>;
  readonly append?: Readonly<Record<string, string>>;
  /** Sets of dimensions for additional series, without the file system's own dimensions. */
  readonly aggregate: readonly (readonly string[])[];
}

function render({ namespace, group, stream, metrics, append, aggregate }: Agent): string {
  const config = {
    agent: { metrics_collection_interval: INTERVAL_SECONDS, omit_hostname: true },
    metrics: {
      namespace,
      ...(append && { append_dimensions: append }),
      aggregation_dimensions: aggregate,
      metrics_collected: metrics,
    },
    logs: {
      logs_collected: {
        // The journal, through rsyslog: the agent can't read the journal itself.
        files: {
          collect_list: [{ file_path: "/var/log/syslog", log_group_name: group, log_stream_name: stream }],
        },
      },
    },
  };
  return `${JSON.stringify(config)}\n`;
}

const AGENT = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl";

/** Starts the agent with that configuration, on machines that have one. */
export const START_CLOUDWATCH = [
  "sh",
  "-c",
  `[ ! -x ${AGENT} ] || ${AGENT} -a fetch-config -m ec2 -s -c file:${CLOUDWATCH_FILE}`,
] as const;
