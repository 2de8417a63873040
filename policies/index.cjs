// The engine loads a pack with require(). A pack whose main is TypeScript would be type-checked by
// ts-node at each start, which costs seconds; tsx only strips the types.
require("tsx/cjs");
require("./pack.ts");
