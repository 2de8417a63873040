import fc from "fast-check";
import { expect, test } from "vitest";
import { REPLICA_SLACK_DAYS } from "../../components/vault-expiry.js";
import { vaultDays, vaultSize, vaultUsdPerMonth } from "../../references/vault-cost.js";

test.each([
  // By the defaults: a full backup is expired when the next is 35 days old, and hidden for 35 more.
  [30, 35, { listed: 36, hidden: 35, replica: 100 }],
  [1, 1, { listed: 2, hidden: 1, replica: 32 }],
  // Settings refuse it, but the lock would still be what counts.
  [400, 35, { listed: 36, hidden: 364, replica: 400 }],
])("locked for %i days and kept for %i", (lockDays, retentionDays, days) => {
  expect(vaultDays({ lockDays, retentionDays })).toEqual(days);
});

test("nothing goes before its lock has run out, and a copy never before what it is a copy of is unlisted", () => {
  const days = fc.integer({ min: 1, max: 4000 });
  fc.assert(
    fc.property(days, days, (lockDays, retentionDays) => {
      const { listed, hidden, replica } = vaultDays({ lockDays, retentionDays });
      expect(listed + hidden).toBeGreaterThanOrEqual(lockDays);
      expect(replica).toBeGreaterThanOrEqual(lockDays);
      expect(retentionDays + REPLICA_SLACK_DAYS).toBeGreaterThan(listed);
    }),
  );
});

test("sizes are days times what a day adds", () => {
  const size = vaultSize(
    { lockDays: 30, retentionDays: 35 },
    { fullGib: 30, changeGibPerDay: 5, walGibPerDay: 5 },
  );
  expect(size).toEqual({ listedGib: 1440, hiddenGib: 1400, replicaGib: 4000 });
  expect(vaultUsdPerMonth(size, 0.1)).toBeCloseTo(684);
});
