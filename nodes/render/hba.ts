/**
 * pg_hba: which logins may connect from where. It is only in Patroni's dynamic configuration: a local `pg_hba` in
 * patroni.yml would take precedence, and a new database would then need new machines.
 */

import { type Contract, DATABASE_LOGINS, loginsOf, SESSION_GROUP } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";

/**
 * TLS for all connections except those within the machine. Covers both regions: servers follow the leader across.
 * @param databases those that clients may reach
 * @param sessions whether a session of the platform may act as an owner (nodes/bin/library/dr_sessions.py), and an owner's
 *   second login, which comes with its first rotation, may connect
 */
export function hba(contract: Contract, databases: SharedSettings["databases"], sessions = false): string[] {
  const { superuser, replication, rewind } = DATABASE_LOGINS;
  const regions = [contract.home, contract.recovery];
  const nodes = regions.map(({ dataCidr }) => dataCidr);
  const servers = regions.flatMap(({ privateCidrs }) => privateCidrs);
  const remote = (database: string, user: string, from: readonly string[]) =>
    from.map((cidr) => `hostssl ${database} ${user} ${cidr} scram-sha-256`);
  const owners = [...new Set(databases.map(({ owner }) => owner))];
  return [
    `local all ${superuser} peer`,
    // Its members exist for one piece of work each, and so do their passwords.
    ...(sessions ? [`local all +${SESSION_GROUP} scram-sha-256`] : []),
    // Patroni checks replication on its own node over loopback.
    `host replication ${replication} 127.0.0.1/32 scram-sha-256`,
    ...remote("replication", replication, nodes),
    ...remote("postgres", replication, nodes),
    ...remote("postgres", rewind, nodes),
    // One line per owner, not per database: everything must fit into an SSM parameter.
    ...owners.flatMap((owner) => {
      const own = databases.filter((database) => database.owner === owner);
      const users = sessions ? loginsOf(owner).join(",") : owner;
      return remote(own.map(({ name }) => name).join(","), users, servers);
    }),
  ];
}
