/** Stand-in for the random provider: real randomness, kept in Pulumi's state as the real one does. */
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Plugin } from "./plugin.js";
import { type Handler, ResourcePlugin } from "./resource-plugin.js";
import { sdkVersion } from "./sdk.js";
import type { Props } from "./values.js";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

function text(inputs: Props): string {
  const special = inputs.overrideSpecial || SPECIAL;
  const classes = [
    { on: inputs.lower ?? true, chars: LOWER, least: inputs.minLower ?? 0 },
    { on: inputs.upper ?? true, chars: LOWER.toUpperCase(), least: inputs.minUpper ?? 0 },
    { on: inputs.numeric ?? true, chars: DIGITS, least: inputs.minNumeric ?? 0 },
    { on: inputs.special ?? true, chars: special, least: inputs.minSpecial ?? 0 },
  ];
  const draw = (chars: string) => chars[randomInt(chars.length)] as string;
  const all = classes
    .filter(({ on }) => on)
    .map(({ chars }) => chars)
    .join("");
  const required = classes.flatMap(({ chars, least }) => Array.from({ length: least }, () => draw(chars)));
  const rest = Array.from({ length: Math.max(0, inputs.length - required.length) }, () => draw(all));
  const letters = [...required, ...rest];
  for (let i = letters.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [letters[i], letters[j]] = [letters[j] as string, letters[i] as string];
  }
  return letters.join("");
}

const ALL_INPUTS = [
  "length",
  "lower",
  "upper",
  "numeric",
  "special",
  "overrideSpecial",
  "minLower",
  "minUpper",
  "minNumeric",
  "minSpecial",
  "keepers",
  "byteLength",
  "prefix",
];

const kept = (create: Handler<undefined>["create"]): Handler<undefined> => ({
  name: false,
  replaceOn: ALL_INPUTS,
  create,
});

const HANDLERS: Readonly<Record<string, Handler<undefined>>> = {
  "random:index/randomPassword:RandomPassword": kept(async (_, inputs) => ({
    id: "none",
    outputs: { result: text(inputs) },
  })),
  "random:index/randomString:RandomString": kept(async (_, inputs) => {
    const result = text(inputs);
    return { id: result, outputs: { result } };
  }),
  "random:index/randomUuid:RandomUuid": kept(async () => {
    const result = randomUUID();
    return { id: result, outputs: { result } };
  }),
  "random:index/randomId:RandomId": kept(async (_, { byteLength, prefix = "" }) => {
    const bytes = randomBytes(byteLength);
    const hex = prefix + bytes.toString("hex");
    return {
      id: bytes.toString("base64url"),
      outputs: {
        hex,
        b64Std: prefix + bytes.toString("base64"),
        b64Url: prefix + bytes.toString("base64url"),
        dec: prefix + BigInt(`0x${bytes.toString("hex")}`),
      },
    };
  }),
};

export class RandomPlugin extends ResourcePlugin<undefined> implements Plugin {
  readonly version = sdkVersion("random");
  readonly replaceOnConfig = [];
  async configure(): Promise<void> {}

  async invoke(token: string): Promise<Props> {
    throw new Error(`the random provider has no function ${token}`);
  }

  protected handlerOf(type: string): Handler<undefined> {
    const handler = HANDLERS[type];
    if (!handler) throw new Error(`the stand-in random provider has no ${type}`);
    return handler;
  }

  protected contextOf(): undefined {
    return undefined;
  }
}
