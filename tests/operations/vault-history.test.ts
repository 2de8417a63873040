import { afterEach, expect, test, vi } from "vitest";
import {
  currentAt,
  type Entry,
  hiddenSince,
  historiesOf,
  overwrittenSince,
} from "../../operations/vault/history.js";
import { moment } from "../../operations/vault/moment.js";
import { shortened } from "../../operations/vault/render.js";

afterEach(() => vi.useRealTimers());

let made = 0;
const version = (key: string, modified: number, more: Partial<Entry> = {}): Entry => ({
  ...{ key, modified, versionId: `v${++made}`, isMarker: false, isLatest: false, bytes: 1 },
  ...more,
});
const marker = (key: string, modified: number, isLatest = false) =>
  version(key, modified, { isMarker: true, isLatest });

test("versions and markers are brought together, the newest first", () => {
  const old = version("a", 1000);
  const hidden = marker("a", 2000);
  const again = version("a", 3000, { isLatest: true });
  expect(historiesOf([again, old, version("b", 5000, { isLatest: true }), hidden])[0]).toEqual([
    again,
    hidden,
    old,
  ]);
});

test("within a second the current one is in front, and a marker before the version that it hides", () => {
  const one = version("a", 1000);
  const gone = marker("a", 1000);
  const back = version("a", 1000, { isLatest: true });
  expect(historiesOf([one, back, gone])[0]).toEqual([back, gone, one]);
});

test("hidden is what a marker made since is in front of; all such markers go", () => {
  const below = version("a", 1000);
  const [first, second] = [marker("a", 2000), marker("a", 3000, true)];
  const found = hiddenSince(historiesOf([below, first, second]), 1500);
  expect(found).toEqual([{ key: "a", markers: [second, first], below }]);
});

test("what was hidden before, what is current again, and markers without content stay as they are", () => {
  const histories = historiesOf([
    ...[version("expired", 1000), marker("expired", 1100, true)],
    ...[version("hidden-twice", 1000), marker("hidden-twice", 1100), marker("hidden-twice", 3000, true)],
    ...[version("again", 1000), marker("again", 2000), version("again", 3000, { isLatest: true })],
    marker("never-there", 2000, true),
  ]);
  expect(hiddenSince(histories, 1500)).toEqual([]);
});

test("overwritten is what has another content than then", () => {
  const [before, now] = [version("a", 1000), version("a", 2000, { isLatest: true })];
  const histories = historiesOf([
    ...[before, now],
    version("same", 1000, { isLatest: true }),
    version("new", 2000, { isLatest: true }),
    ...[version("hidden", 1000), marker("hidden", 2000, true)],
  ]);
  expect(overwrittenSince(histories, 1500)).toEqual([{ key: "a", before, now }]);
});

test("current at a time is the newest from before it, a marker too", () => {
  const [history] = historiesOf([version("a", 1000), marker("a", 2000), version("a", 3000)]);
  const at = (time: number) => history && currentAt(history, time);
  expect(at(999)).toBeUndefined();
  expect(at(1000)).toMatchObject({ isMarker: false, modified: 1000 });
  expect(at(2999)).toMatchObject({ isMarker: true });
});

test("a moment has a time zone and is past", () => {
  expect(moment("--since", "2026-03-01T12:30:00Z")).toBe(Date.UTC(2026, 2, 1, 12, 30));
  expect(moment("--since", "2026-03-01T12:30+01:00")).toBe(Date.UTC(2026, 2, 1, 11, 30));
  vi.setSystemTime(Date.UTC(2026, 2, 1, 12));
  for (const [text, reason] of [
    ["2026-03-01 12:30", "It is not a time with a time zone."],
    ["yesterday", "It is not a time with a time zone."],
    ["2026-03-01T12:30:00Z", "It is in the future."],
  ] as const) {
    expect(() => moment("--since", text)).toThrow(
      `--since ${text}\n  ${reason}\n  → write e.g. --since 2026-03-01T11:00:00Z`,
    );
  }
});

test("a long key keeps both ends", () => {
  expect(shortened("archive/0123456789.zst", 22)).toBe("archive/0123456789.zst");
  expect(shortened("archive/01234567890.zst", 22)).toBe("archive/012345…890.zst");
});
