import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Acknowledgement,
  acknowledgements,
  doubleAcknowledgements,
} from "../../../lab/drills/reigns.js";
import { failover, NODE_1, NODE_2, probe, write } from "./ledgers.js";

const ack = (node: string, timeline: number, sent: number, done = sent + 1): Acknowledgement => ({
  node,
  timeline,
  sent,
  arrived: done,
  done,
});

describe("two nodes that acknowledge at once", () => {
  test("a clean failover has none", () => {
    const { writes, probes } = failover();
    expect(doubleAcknowledgements(acknowledgements([...writes, ...probes]))).toEqual([]);
  });

  test("a leader that comes back later on a newer timeline is no violation", () => {
    const all = [ack(NODE_1, 1, 0), ack(NODE_2, 2, 10), ack(NODE_2, 2, 20), ack(NODE_1, 3, 30)];
    expect(doubleAcknowledgements(all)).toEqual([]);
  });

  test("an old leader that still acknowledges after the new one began is found, with both witnesses", () => {
    const late = ack(NODE_1, 1, 3100);
    const found = doubleAcknowledgements([
      ack(NODE_1, 1, 0),
      ack(NODE_2, 2, 3000),
      late,
      ack(NODE_2, 2, 3200),
    ]);
    expect(found).toHaveLength(1);
    expect(found[0]?.by).toEqual(late);
    expect(found[0]?.reason).toBe(
      `${NODE_1} (timeline 1) still acknowledged 0.100 s after ${NODE_2} (timeline 2) had begun to`,
    );
  });

  test("an answer that was only handled late is no violation", () => {
    const handledLate = { ...ack(NODE_1, 1, 2990, 3005), arrived: 2995 };
    expect(doubleAcknowledgements([handledLate, ack(NODE_2, 2, 2999, 3001)])).toEqual([]);
  });

  test("an answer to a question from before counts when it came in after", () => {
    expect(doubleAcknowledgements([ack(NODE_1, 1, 10, 3100), ack(NODE_2, 2, 3000)])).toHaveLength(1);
  });

  test("two nodes on one timeline are a violation, however far apart", () => {
    const [found] = doubleAcknowledgements([ack(NODE_1, 4, 0), ack(NODE_2, 4, 90_000)]);
    expect(found?.reason).toBe(`${NODE_1} and ${NODE_2} both acknowledged on timeline 4`);
  });

  test("an acknowledgement that doesn't say by whom is an error, not silence", () => {
    expect(() => acknowledgements([probe(0, { timeline: undefined })])).toThrow("without node or timeline");
    expect(acknowledgements([probe(0, { result: "refused", timeline: undefined })])).toEqual([]);
  });

  test("in any chain of reigns, exactly an overlap makes a violation", () => {
    const reigns = fc.array(
      fc.record({ length: fc.integer({ min: 1, max: 50 }), gap: fc.integer({ min: -20, max: 50 }) }),
      {
        minLength: 2,
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(reigns, (chain) => {
        let at = 100;
        const spans = chain.map(({ length, gap }, i) => {
          const from = i === 0 ? at : at + gap;
          at = from + length;
          return { node: `10.0.0.${i}`, timeline: i + 1, from, to: at };
        });
        const all = spans.flatMap(({ node, timeline, from, to }) => [
          ack(node, timeline, from - 0.5, from),
          ack(node, timeline, to - 0.5, to),
        ]);
        const overlap = spans.some((older, i) => spans.slice(i + 1).some((newer) => older.to > newer.from));
        expect(doubleAcknowledgements(all).length > 0).toBe(overlap);
      }),
    );
  });
});

describe("two regions that acknowledge at once", () => {
  const HOME_1 = "10.10.200.10";
  const HOME_2 = "10.10.201.10";
  const FAR_1 = "10.20.200.10";
  const FAR_2 = "10.20.201.10";
  const regionOf = (name: string) => (name.startsWith("10.10.") || name === "home" ? "home" : "recovery");
  const doubles = (...all: Acknowledgement[]) => doubleAcknowledgements(all, regionOf);
  /** First and last of a reign. */
  const reign = (node: string, timeline: number, from: number, to: number) => [
    ack(node, timeline, from - 1, from),
    ack(node, timeline, to - 1, to),
  ];

  test("there and back and there again is none, nor is a node that comes back on a newer timeline", () => {
    const all = [
      ...reign(HOME_1, 5, 0, 100),
      ...reign(FAR_1, 6, 130, 200),
      ...reign(HOME_1, 7, 230, 300),
      ...reign(FAR_1, 8, 330, 400),
    ];
    expect(doubles(...all)).toEqual([]);
    expect(doubles(...all.toReversed())).toEqual([]);
  });

  test("equal and crossed timelines of two regions are none", () => {
    // Home failed over by itself to 6, and to 7, which the recovery region never heard of.
    const home = [...reign(HOME_1, 5, 0, 100), ...reign(HOME_2, 6, 110, 200), ...reign(HOME_1, 7, 210, 300)];
    expect(doubles(...home, ...reign(FAR_1, 6, 400, 500), ...reign(FAR_2, 7, 510, 600))).toEqual([]);
  });

  test("the old region's leader that still acknowledges is found, on whatever timeline", () => {
    for (const timeline of [4, 5, 6]) {
      const [found, ...more] = doubles(...reign(HOME_1, 5, 0, 350), ...reign(FAR_1, timeline, 300, 500));
      expect(more).toEqual([]);
      expect(found?.by).toMatchObject({ node: HOME_1, arrived: 350 });
      expect(found?.beside).toMatchObject({ node: FAR_1, done: 300 });
      expect(found?.reason).toBe(
        `${HOME_1} of home (timeline 5) still acknowledged 0.050 s after ${FAR_1} of recovery (timeline ${timeline}) had begun to`,
      );
    }
  });

  test("a region that goes on in its former reign after the other region's is found", () => {
    const thawed = doubles(...reign(HOME_1, 5, 0, 100), ...reign(FAR_1, 6, 300, 500), ack(HOME_1, 5, 700));
    expect(thawed).toHaveLength(1);
    expect(thawed[0]?.reason).toContain(`${HOME_1} of home (timeline 5) still acknowledged 0.401 s after`);
  });

  test("a second leader in the old region does not hide behind the first", () => {
    const found = doubles(
      ...reign(HOME_1, 5, 0, 100),
      ...reign(HOME_2, 6, 120, 350),
      ...reign(FAR_1, 6, 300, 500),
    );
    expect(found.map(({ by, beside }) => [by.node, beside.node])).toEqual([[HOME_2, FAR_1]]);
  });

  test("inside a region the rules are as with one region", () => {
    expect(doubles(...reign(HOME_1, 5, 0, 100), ...reign(HOME_2, 5, 200, 300))).toHaveLength(1);
    expect(doubles(...reign(HOME_1, 5, 0, 250), ...reign(HOME_2, 6, 200, 300))).toHaveLength(1);
  });

  test("an answer across the link is a violation only when its request was sent too late", () => {
    const seen = (source: string, sent: number, done: number) =>
      write(1, sent, { source, node: HOME_1, timeline: 5, done, arrived: done });
    const next = write(1, 300, { source: "recovery", node: FAR_1, timeline: 6, done: 302, arrived: 302 });
    const judge = (one: ReturnType<typeof write>) =>
      doubleAcknowledgements(acknowledgements([seen("home", 0, 2), one, next], regionOf), regionOf).length;
    expect(judge(seen("recovery", 290, 320))).toBe(0);
    expect(judge(seen("home", 290, 320))).toBe(1);
    expect(judge(seen("recovery", 303, 335))).toBe(1);
  });

  test("in any chain of moves, failovers and returns, exactly an overlap makes a violation", () => {
    const chain = fc.array(
      fc.record({
        moves: fc.boolean(),
        node: fc.nat(2),
        length: fc.integer({ min: 1, max: 50 }),
        gap: fc.integer({ min: -20, max: 50 }),
      }),
      { minLength: 2, maxLength: 8 },
    );
    fc.assert(
      fc.property(chain, fc.nat(3), (turns, ahead) => {
        let at = 100;
        let home = true;
        // Each region counts its own; who moves begins above what it has heard of.
        const timelines = { home: 1 + ahead, recovery: 1 };
        const spans = turns.map(({ moves, node, length, gap }, i) => {
          if (moves) home = !home;
          const region = home ? "home" : "recovery";
          timelines[region] += 1;
          const from = i === 0 ? at : at + gap;
          at = from + length;
          const address = `10.${home ? 10 : 20}.0.${node}`;
          return { region, node: address, timeline: timelines[region], from, to: at };
        });
        const all = spans.flatMap(({ node, timeline, from, to }) => reign(node, timeline, from, to));
        const overlaps = spans.some((older, i) =>
          spans.slice(i + 1).some((newer) => {
            if (older.node === newer.node) return false;
            if (older.region === newer.region) return older.to > newer.from;
            const [first, second] = older.from <= newer.from ? [older, newer] : [newer, older];
            return first.to > second.from;
          }),
        );
        expect(doubles(...all).length > 0).toBe(overlaps);
      }),
      { numRuns: 500 },
    );
  });
});
