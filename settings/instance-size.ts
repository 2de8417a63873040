/** Memory and processors of an EC2 instance type, by the rules that AWS names its types by. */

export interface InstanceSize {
  readonly memoryMib: number;
  readonly vcpus: number;
}

/** GiB per vCPU of the families whose sizes follow the rule. Source: https://aws.amazon.com/ec2/instance-types/ */
const GIB_PER_VCPU: Readonly<Record<string, number>> = { m: 4, r: 8 };

/** t4g has its own sizes: [GiB, vCPUs]. Source: https://aws.amazon.com/ec2/instance-types/t4/ */
const T4G: ReadonlyMap<string, readonly [gib: number, vcpus: number]> = new Map([
  ["nano", [0.5, 2]],
  ["micro", [1, 2]],
  ["small", [2, 2]],
  ["medium", [4, 2]],
  ["large", [8, 2]],
  ["xlarge", [16, 4]],
  ["2xlarge", [32, 8]],
]);

/** Largest multiple of `xlarge` of each generation. */
const LARGEST_XLARGE: Readonly<Record<string, number>> = { "6": 16, "7": 16, "8": 48 };

/** What `instanceSize` knows, for messages. */
export const KNOWN_FAMILIES = "m6g, m7g, m8g, r6g, r7g, r8g (with or without d) and t4g";

/** @returns undefined for a type that is not of the known families or has a size they don't. */
export function instanceSize(instanceType: string): InstanceSize | undefined {
  const [family = "", size = ""] = instanceType.split(".");
  if (family === "t4g") {
    const known = T4G.get(size);
    return known && { memoryMib: known[0] * 1024, vcpus: known[1] };
  }
  const [, letter = "", generation = ""] = /^([mr])([678])gd?$/.exec(family) ?? [];
  const gibPerVcpu = GIB_PER_VCPU[letter];
  const vcpus = vcpusOf(size, LARGEST_XLARGE[generation] ?? 0);
  return gibPerVcpu && vcpus ? { memoryMib: vcpus * gibPerVcpu * 1024, vcpus } : undefined;
}

/** medium 1, large 2, xlarge 4, and n times 4 for n xlarge. */
function vcpusOf(size: string, largest: number): number | undefined {
  if (size === "medium") return 1;
  if (size === "large") return 2;
  const [, times] = /^(\d*)xlarge$/.exec(size) ?? [];
  if (times === undefined) return undefined;
  const n = times === "" ? 1 : Number(times);
  return [1, 2, 4, 8, 12, 16, 24, 48].includes(n) && n <= largest ? 4 * n : undefined;
}
