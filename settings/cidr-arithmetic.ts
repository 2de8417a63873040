/** IPv4 arithmetic for subnets and fixed addresses. No Pulumi here. */

/**
 * The `index`-th subnet of size `/newPrefix` within `cidr`.
 * @throws RangeError with the numbers when it doesn't fit.
 */
export function subnetAt(cidr: string, newPrefix: number, index: number): string {
  const { base, prefix } = parse(cidr);
  const bits = newPrefix - prefix;
  if (bits < 0 || newPrefix > 28) {
    throw new RangeError(
      `${cidr} can't be divided into /${newPrefix} networks (from /${prefix} to /28 only)`,
    );
  }
  if (index < 0 || index >= 2 ** bits) {
    throw new RangeError(
      `${cidr} holds ${2 ** bits} networks of size /${newPrefix}; asked for number ${index}`,
    );
  }
  return `${format(base + index * 2 ** (32 - newPrefix))}/${newPrefix}`;
}

/**
 * The address `offset` places above the start of `cidr`.
 * @throws RangeError when AWS keeps that address (the first four and the last) or it lies outside.
 */
export function addressAt(cidr: string, offset: number): string {
  const { base, prefix } = parse(cidr);
  const size = 2 ** (32 - prefix);
  if (offset < 4 || offset > size - 2) {
    throw new RangeError(`${cidr} has usable addresses 4 to ${size - 2}; asked for ${offset}`);
  }
  return format(base + offset);
}

function parse(cidr: string): { base: number; prefix: number } {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  if (!match) throw new RangeError(`'${cidr}' is not an IPv4 network such as 10.10.0.0/16`);
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if ([a, b, c, d].some((octet) => octet > 255) || prefix > 32) {
    throw new RangeError(`'${cidr}' is not an IPv4 network such as 10.10.0.0/16`);
  }
  return { base: ((a * 256 + b) * 256 + c) * 256 + d, prefix };
}

const format = (n: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join(".");
