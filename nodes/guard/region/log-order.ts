/** Carries out orders about a log in this node's etcd, for `guard.cjs forget-log` and the like, and for dr-cut-over. */

import { keysOf } from "../leader/leader-keys.js";
import type { GuardConfig } from "../shared/config.js";
import { Etcd } from "../shared/etcd.js";
import { carryOutLogOrder, type LogAnswer, type LogOrder } from "./cut-over.js";

/** Longer than the guard's own timeout: a person waits for it, no lease. */
const LOG_ORDER_MILLIS = 5000;

/** @throws Error when etcd does not answer */
export async function orderLog(
  config: Pick<GuardConfig, "etcd" | "tls" | "namespace" | "scope">,
  order: LogOrder,
): Promise<LogAnswer> {
  const etcd = new Etcd({ endpoints: config.etcd, timeoutMillis: LOG_ORDER_MILLIS, tls: config.tls });
  return await carryOutLogOrder(keysOf(config), order, ({ compare, success, failure }) =>
    etcd.transact(compare, success, failure),
  ).finally(() => etcd.close());
}
