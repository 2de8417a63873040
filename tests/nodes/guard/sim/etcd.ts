/** etcd as far as guards and Patroni use it: transactions, revisions, leases. In true time. */
import type { Compare, KeyValue, Operation, Outcome } from "../../../../nodes/guard/shared/etcd.js";

interface Stored {
  value: string;
  create: number;
  mod: number;
  lease: string;
}

export class SimEtcd {
  readonly keys = new Map<string, Stored>();
  private readonly leases = new Map<string, { ttl: number; expires: number }>();
  private revision = 1;
  private nextLease = 1000;
  /** Called after each change of a key, with what was there before. */
  onChange: (key: string, before: Stored | undefined, after: Stored | undefined) => void = () => {};

  constructor(private readonly now: () => number) {}

  transact(
    compare: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[],
  ): Outcome {
    this.expire();
    const succeeded = compare.every((one) => this.holds(one));
    const branch = succeeded ? success : failure;
    if (branch.some((operation) => !("range" in operation))) this.revision++;
    const found = branch.map((operation) => this.apply(operation));
    const counts = found.map((range) => range.length);
    const ranges = found.map((range, i) => {
      const operation = branch[i] as Operation;
      const after = "range" in operation ? Number(operation.after ?? 0) : 0;
      return range.filter(({ mod_revision }) => Number(mod_revision) > after);
    });
    return { succeeded, revision: String(this.revision), cluster: "1", ranges, counts };
  }

  /** Its volumes are gone. */
  clear(): void {
    this.keys.clear();
    this.leases.clear();
    this.revision++;
  }

  grant(ttlMillis: number): string {
    const id = String(this.nextLease++);
    this.leases.set(id, { ttl: ttlMillis, expires: this.now() + ttlMillis });
    return id;
  }

  keepAlive(id: string): boolean {
    this.expire();
    const lease = this.leases.get(id);
    if (lease) lease.expires = this.now() + lease.ttl;
    return lease !== undefined;
  }

  revoke(id: string): void {
    this.leases.delete(id);
    this.revision++;
    for (const [key, { lease }] of this.keys) if (lease === id) this.remove(key);
  }

  ttlSeconds(id: string): number | undefined {
    this.expire();
    const lease = this.leases.get(id);
    return lease && Math.floor((lease.expires - this.now()) / 1000);
  }

  get(key: string): Stored | undefined {
    this.expire();
    return this.keys.get(key);
  }

  expire(): void {
    for (const [id, { expires }] of this.leases) if (expires <= this.now()) this.revoke(id);
  }

  private holds(compare: Compare): boolean {
    const key = this.keys.get(compare.key);
    if ("value" in compare) return key?.value === compare.value;
    if ("create" in compare) return String(key?.create ?? 0) === compare.create;
    if ("mod" in compare) return String(key?.mod ?? 0) === compare.mod;
    return (key?.lease ?? "0") === compare.lease;
  }

  private apply(operation: Operation): readonly KeyValue[] {
    if ("put" in operation) {
      const lease = operation.lease ?? "0";
      if (lease !== "0" && !this.leases.has(lease)) throw new Error("lease not found");
      const before = this.keys.get(operation.put);
      const after = {
        value: operation.value,
        create: before?.create ?? this.revision,
        mod: this.revision,
        lease,
      };
      this.keys.set(operation.put, after);
      this.onChange(operation.put, before, after);
      return [];
    }
    if ("delete" in operation) {
      this.remove(operation.delete);
      return [];
    }
    return [...this.keys]
      .filter(([key]) => (operation.prefix ? key.startsWith(operation.range) : key === operation.range))
      .map(([key, { value, create, mod, lease }]) => ({
        key,
        value,
        create_revision: String(create),
        mod_revision: String(mod),
        lease,
      }));
  }

  private remove(key: string): void {
    const before = this.keys.get(key);
    if (!before) return;
    this.keys.delete(key);
    this.onChange(key, before, undefined);
  }
}
