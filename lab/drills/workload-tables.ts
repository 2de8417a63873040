/** The workload's tables: made before it, read after it, over the leader's own socket. */
import type { DatabaseCluster } from "../twin/database-cluster.js";
import type { Machine } from "../twin/types.js";
import { TABLES } from "../workload/config.js";
import type { RowId } from "./lost-rows.js";

/** The application's table; it makes it itself on its first write. */
const ITEMS = "items";

/** The workload's tables in the application's database. */
export class Tables {
  constructor(
    private readonly cluster: DatabaseCluster,
    private readonly database: string,
  ) {}

  /** Empty ones, owned by the login of the workload; the application's is emptied. */
  async prepare(leader: Machine, owner: string): Promise<void> {
    const { writes, probes } = TABLES;
    const statements = [
      `DROP TABLE IF EXISTS ${writes}, ${probes};`,
      `CREATE TABLE ${writes} (worker int NOT NULL, sequence bigint NOT NULL, sent double precision NOT NULL);`,
      // The reader asks for the newest.
      `CREATE INDEX ON ${writes} (sent);`,
      `CREATE TABLE ${probes} (node text NOT NULL, sequence bigint NOT NULL);`,
      `ALTER TABLE ${writes} OWNER TO ${owner};`,
      `ALTER TABLE ${probes} OWNER TO ${owner};`,
      `DO $$ BEGIN IF to_regclass('${ITEMS}') IS NOT NULL THEN TRUNCATE ${ITEMS}; END IF; END $$;`,
    ];
    await this.cluster.sql(leader, statements.join("\n"), this.database);
  }

  /** Every row that the writers left. */
  async rows(leader: Machine): Promise<RowId[]> {
    const rows = await this.cluster.sql(
      leader,
      `SELECT worker, sequence FROM ${TABLES.writes};`,
      this.database,
    );
    return rows.map(([worker, sequence]) => ({ worker: Number(worker), sequence: Number(sequence) }));
  }

  /** Ids in the application's table; none when it was never made. */
  async items(leader: Machine): Promise<Set<string>> {
    const [exists] = await this.cluster.sql(
      leader,
      `SELECT to_regclass('${ITEMS}') IS NOT NULL;`,
      this.database,
    );
    if (exists?.[0] !== "t") return new Set();
    const rows = await this.cluster.sql(leader, `SELECT id FROM ${ITEMS};`, this.database);
    return new Set(rows.map(([id]) => id as string));
  }
}
