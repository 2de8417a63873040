/** Shells that decide as they should and carry it out wrongly, each in one way. Made in the source itself. */
import type { Patch } from "./patched.js";

const GUARD = "leader/guard.ts";
const REGION = "region/region.ts";

export const SHELL_MUTANTS: Readonly<Record<string, Patch>> = {
  "confesses before its port is closed": {
    file: GUARD,
    find: "void closing?.then(() => this.enqueue(confess)).catch(() => {});",
    replace: "this.enqueue(confess);",
  },
  "confesses though the kernel has not closed its port": {
    file: GUARD,
    find: "void closing?.then(() => this.enqueue(confess)).catch(() => {});",
    replace: "void closing?.catch(() => {}).then(() => this.enqueue(confess));",
  },
  "forgets to close before it confesses": {
    file: GUARD,
    find: "closing = this.ports.kernel.close();",
    replace: "closing = Promise.resolve();",
  },
  "does not suspend its renewals for a switchover": {
    file: GUARD,
    find: 'this.feed({ kind: "handover", active: true });',
    replace: "",
  },
  "does not wait for a renewal under way in a switchover": {
    file: GUARD,
    find: "await this.carrying?.catch(() => {});",
    replace: "",
  },
  "does not close its port for a switchover": {
    file: GUARD,
    find: 'this.note("closed", "switchover");\n    await this.ports.kernel.close();',
    replace: 'this.note("closed", "switchover");',
  },
  "does not wait for its port to be closed in a switchover": {
    file: GUARD,
    find: 'this.note("closed", "switchover");\n    await this.ports.kernel.close();',
    replace: 'this.note("closed", "switchover");\n    void this.ports.kernel.close();',
  },
  "asks etcd several things at a time": {
    file: GUARD,
    find: "        await this.carrying;\n",
    replace: "",
  },
  "queues what has been replaced": {
    file: GUARD,
    find: "this.queue.set(kind, action);",
    replace: "this.queue.set(kind + this.queue.size, action);",
  },
  "does not look again after it has removed its marker": {
    file: GUARD,
    find: '        this.feed({ kind: "view", view: await this.read() });\n        return;\n      }\n      case "revoke":',
    replace: '        return;\n      }\n      case "revoke":',
  },
  "sets no timer for its marker": {
    file: GUARD,
    find: 'void this.ports.clock.sleep(MARKER_MILLIS + 5).then(() => this.feed({ kind: "tick" }));',
    replace: "",
  },
  "says that its port is shut before it is": {
    file: REGION,
    find: "await this.guard.shut(action.reason);",
    replace: "void this.guard.shut(action.reason);",
  },
  "does not shut its port for the region": {
    file: REGION,
    find: "await this.guard.shut(action.reason);",
    replace: "",
  },
  "never says that its port is shut": {
    file: REGION,
    find: 'this.feed({ kind: "closed", at: this.ports.clock.now() });',
    replace: "",
  },
  "tells the leader's half nothing of the region's lease": {
    file: REGION,
    find: "writesUntil: current.permitUntil,",
    replace: "writesUntil: Number.POSITIVE_INFINITY,",
  },
  "asks for a promotion before its port is shut": {
    file: REGION,
    find: "await this.closed;",
    replace: "",
  },
  "asks for a promotion after its deadline": {
    file: REGION,
    find: "|| this.ports.clock.now() > action.notAfter) return;",
    replace: ") return;",
  },
  "swallows a failed write of its status": {
    file: REGION,
    find: "const written = await this.ports.claims.writeStatus(stamped);",
    replace: "const written = await this.ports.claims.writeStatus(stamped).catch(() => true);",
  },
  "takes a refused write of its status for one that was made": {
    file: REGION,
    find: 'if (written) this.feed({ kind: "status-written", status: stamped, startedAt });',
    replace: 'this.feed({ kind: "status-written", status: stamped, startedAt });\n    if (written) return;',
  },
  "does not read again after a refused write": {
    file: REGION,
    find: 'else this.feed({ kind: "reading", reading: await this.ports.claims.read() });',
    replace: "",
  },
  "counts a publication from its answer": {
    file: REGION,
    find: 'this.feed({ kind: "status-written", status: stamped, startedAt });',
    replace: 'this.feed({ kind: "status-written", status: stamped, startedAt: this.ports.clock.now() });',
  },
  "acts on a late answer as if it had not been held up": {
    file: REGION,
    find: "if (this.ports.clock.now() - this.turnAt > HELD_UP_MILLIS) this.turn();",
    replace: "",
  },
  "does not forget a cluster that has only a name": {
    file: REGION,
    find: "const { succeeded } = await this.guard.transact(forgetCluster(this.keys, action));",
    replace: "const succeeded = true;",
  },
};
