/** etcd as far as guards and Patroni use it: transactions, revisions, leases. In true time. */
import type { Compare, KeyValue, Operation, Outcome } from "../../../../nodes/guard/shared/etcd.js";

interface Stored {
  readonly value: string;
  readonly create: number;
  readonly mod: number;
  readonly lease: string;
  /** As a range answers it. */
  readonly answer: KeyValue;
}

export class SimEtcd {
  readonly keys = new Map<string, Stored>();
  private readonly leases = new Map<string, { ttl: number; expires: number }>();
  private revision = 1;
  private nextLease = 1000;
  /** No lease ends before. */
  private earliestEnd = Number.POSITIVE_INFINITY;
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
    const counts: number[] = [];
    const ranges: (readonly KeyValue[])[] = [];
    for (const operation of branch) {
      const { count, found } = this.apply(operation);
      counts.push(count);
      ranges.push(found);
    }
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
    const expires = this.now() + ttlMillis;
    this.leases.set(id, { ttl: ttlMillis, expires });
    this.earliestEnd = Math.min(this.earliestEnd, expires);
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
    const now = this.now();
    if (now < this.earliestEnd) return;
    for (const [id, { expires }] of this.leases) if (expires <= now) this.revoke(id);
    this.earliestEnd = Math.min(...[...this.leases.values()].map(({ expires }) => expires));
  }

  private holds(compare: Compare): boolean {
    const key = this.keys.get(compare.key);
    if ("value" in compare) return key?.value === compare.value;
    if ("create" in compare) return String(key?.create ?? 0) === compare.create;
    if ("mod" in compare) return String(key?.mod ?? 0) === compare.mod;
    return (key?.lease ?? "0") === compare.lease;
  }

  private apply(operation: Operation): { readonly count: number; readonly found: readonly KeyValue[] } {
    if ("range" in operation) return this.range(operation);
    if ("put" in operation) this.put(operation.put, operation.value, operation.lease ?? "0");
    else this.remove(operation.delete);
    return { count: 0, found: [] };
  }

  private range({ range, prefix, after }: Extract<Operation, { range: string }>) {
    const newerThan = Number(after ?? 0);
    const found: KeyValue[] = [];
    let count = 0;
    const add = (stored: Stored): void => {
      count++;
      if (stored.mod > newerThan) found.push(stored.answer);
    };
    if (prefix) {
      for (const [key, stored] of this.keys) if (key.startsWith(range)) add(stored);
    } else {
      const stored = this.keys.get(range);
      if (stored) add(stored);
    }
    return { count, found };
  }

  private put(key: string, value: string, lease: string): void {
    if (lease !== "0" && !this.leases.has(lease)) throw new Error("lease not found");
    const before = this.keys.get(key);
    const mod = this.revision;
    const create = before?.create ?? mod;
    const after = {
      value,
      create,
      mod,
      lease,
      answer: { key, value, create_revision: String(create), mod_revision: String(mod), lease },
    };
    this.keys.set(key, after);
    this.onChange(key, before, after);
  }

  private remove(key: string): void {
    const before = this.keys.get(key);
    if (!before) return;
    this.keys.delete(key);
    this.onChange(key, before, undefined);
  }
}
