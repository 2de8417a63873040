/**
 * The kernel's rules on a database node: clients reach PostgreSQL, and Patroni reaches etcd, only while the guard keeps an
 * element with a timeout alive (`nodes/guard`). The guard's unit loads this file before each start.
 */

import { type Contract, PORTS } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import { IMAGE_PATHS } from "../layout.js";

export const NFTABLES_FILE = `${IMAGE_PATHS.config}/guard.nft`;

/** Names of the table and its sets; the guard uses the same. */
const NFTABLES = {
  family: "inet",
  table: "dr",
  open: "open",
  until: "until",
  members: "members",
  mute: "mute",
  etcd: "etcd",
  etcdUntil: "etcd_until",
} as const;

/** The guard itself runs as root and may always reach etcd. */
const PATRONI_USER = "postgres";

export function renderNftables({ failover }: Pick<SharedSettings, "failover">, contract: Contract): string {
  // The nodes' subnets, which contain nothing else: so running nodes accept a new read replica at once.
  const nodes = [contract.home.dataCidr, contract.recovery.dataCidr];
  const { family, table, open, until, members, mute, etcd, etcdUntil } = NFTABLES;
  const name = `${family} ${table}`;
  const port = PORTS.postgres;
  const toEtcd = `tcp dport ${PORTS.etcdClient} meta skuid ${PATRONI_USER}`;
  // Without the leader lease no node takes over from a Patroni that may act on stale state.
  const patroni = failover.leaderLease
    ? `
    ${toEtcd} tcp dport @${etcd} meta time @${etcdUntil} accept
    # Resets what is open too, so that a Patroni that was cut off drops its picture of the cluster.
    ${toEtcd} reject with tcp reset`
    : "";
  return `# One transaction. Rules and members are replaced; a lease that is alive stays and runs out by itself,
# so that a restarted guard neither opens nor closes anything by loading this.
table ${name} {
  set ${members} { type ipv4_addr; flags interval; }
  # Ports that are open to clients, each with the timeout of its lease.
  set ${open} { type inet_service; flags timeout; }
  # From and until when: bounds a lease that was set late.
  set ${until} { typeof meta time; flags interval; }
  # Nodes that died: a candidate's Patroni would wait for their answer, so it fails at once.
  set ${mute} { type ipv4_addr; flags timeout; }
  # etcd's port while Patroni may speak with it, as above.
  set ${etcd} { type inet_service; flags timeout; }
  set ${etcdUntil} { typeof meta time; flags interval; }
  # Before connection tracking, so that open connections are judged packet by packet too.
  chain input { type filter hook input priority -150; policy accept; }
  chain output { type filter hook output priority -150; policy accept; }
}
flush chain ${name} input
flush chain ${name} output
flush set ${name} ${members}
table ${name} {
  set ${members} {
    type ipv4_addr
    flags interval
    elements = { ${nodes.join(", ")} }
  }
  chain input {
    iifname "lo" accept
    tcp dport ${port} ip saddr @${members} accept
    tcp dport @${open} meta time @${until} accept
    tcp dport ${port} reject with tcp reset
  }
  chain output {
    ip daddr @${mute} tcp dport ${PORTS.patroni} meta skuid ${PATRONI_USER} reject with tcp reset${patroni}
    oifname "lo" accept
    tcp sport ${port} ip daddr @${members} accept
    tcp sport @${open} meta time @${until} accept
    # The answer to a refused client; without it clients wait for a second.
    tcp sport ${port} tcp flags & rst == rst accept
    # Resets this side's socket. Dropped, an acknowledgement given after the lease would be sent again, and
    # arrive, once the port reopens.
    tcp sport ${port} reject with tcp reset
  }
}
`;
}
