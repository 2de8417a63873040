/** How a name server answers, as far as one of a few names needs it: one question in, CNAME and A records out. */
import * as dns from "dns-packet";

export interface DnsRecord {
  readonly name: string;
  readonly type: "A" | "CNAME";
  readonly ttl: number;
  /** An IPv4 address, or a name. */
  readonly value: string;
}

/** In the flags' lowest bits (RFC 1035); the package only reads it. */
const NO_SUCH_NAME = 3;

/**
 * @param find records for a name in lower case, a CNAME with what it leads to; undefined when there is no such name.
 * @returns undefined for what is no question: it gets no answer.
 */
export function reply(
  message: Buffer,
  find: (name: string) => readonly DnsRecord[] | undefined,
): Buffer | undefined {
  const query = readQuery(message);
  const [question, ...others] = query?.questions ?? [];
  if (query?.type !== "query" || !question || others.length > 0) return undefined;
  const found = find(question.name.toLowerCase());
  const wanted: string = question.type;
  return dns.encode({
    id: query.id,
    type: "response",
    flags:
      dns.AUTHORITATIVE_ANSWER |
      ((query.flags ?? 0) & dns.RECURSION_DESIRED) |
      (found === undefined ? NO_SUCH_NAME : 0),
    questions: [question],
    // A CNAME answers a question of any type, and its target comes along.
    answers: (found ?? [])
      .filter(({ type }) => type === "CNAME" || type === wanted || wanted === "ANY")
      .map(({ value, ...record }) => ({ ...record, data: value })),
  });
}

function readQuery(message: Buffer): dns.DecodedPacket | undefined {
  try {
    return dns.decode(message);
  } catch {
    return undefined;
  }
}
