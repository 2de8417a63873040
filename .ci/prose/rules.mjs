// What this project's prose avoids, and what to write instead. Few rules on purpose: each one marks a habit that came
// back often and that makes a reader stop. A space in a pattern also matches a line break.
// Code (in backticks, or a string without a space) is never checked.

const NUMBERS = "a|an|one|two|three|four|the|few|once";

/** @type {readonly { readonly pattern: string; readonly instead: string }[]} */
export const RULES = [
  { pattern: "nobody", instead: "name who or what: 'no client', 'no component', 'no operator', 'nothing'" },
  { pattern: "anew", instead: "use 'again', 'recreate', 'regenerate', 'a new …'" },
  { pattern: "whoever", instead: "use 'to …, do …', or name the person: 'the operator who …'" },
  {
    pattern:
      "(?:stands?|stood|standing) (?:there|here|elsewhere|in(?! for)|at|on|under|above|below|before|behind|beside|between|inside|within|among|still|once|already)",
    instead: "use 'is', 'is set to', 'contains', 'stops'",
  },
  {
    pattern: "(?:is|are|was|were|be|been|being) (?:(?:never|not|then|also|always|once) )?(?:told|asked)",
    instead: "use the active voice: '… reports', '… queries'; 'is told apart from' is 'differs from'",
  },
  {
    pattern: "(?:mend|mends|mended|mending|(?<!self-)(?:heal|heals|healed|healing))",
    instead: "use 'fix' or 'repair'; a person or animal heals, software doesn't",
  },
  { pattern: "of (?:its|their|his|her|our|your) own", instead: "use 'its own …', 'by itself', 'separate'" },
  { pattern: "the other's|the others'", instead: "name the thing: 'the other region's …'" },
  {
    pattern: `(?:is|are|was|were|has|have|had|holds?|takes?|needs?|costs?|means?|with|of|for|by|in|to|nobody|none|somebody|anybody) but (?:${NUMBERS})`,
    instead: "use 'only' or 'except'",
  },
];
