/** DNS messages, as far as a server of a few names needs them (RFC 1035): one question in, CNAME and A records out. */

export interface DnsRecord {
  readonly name: string;
  readonly type: "A" | "CNAME";
  readonly ttl: number;
  /** An IPv4 address, or a name. */
  readonly value: string;
}

const TYPES = { A: 1, CNAME: 5 } as const;
const ANY = 255;
const INTERNET = 1;
const HEADER = 12;
/** This is an answer, and with authority; of the question's flags, "recursion desired" is repeated. */
const ANSWER = 0x8400;
const RECURSION_DESIRED = 0x0100;
const NO_SUCH_NAME = 3;

/**
 * @param find records for a name in lower case, a CNAME with what it leads to; undefined when there is no such name.
 * @returns undefined for what is no question: it gets no answer.
 */
export function reply(
  message: Buffer,
  find: (name: string) => readonly DnsRecord[] | undefined,
): Buffer | undefined {
  const question = readQuestion(message);
  if (!question) return undefined;
  const found = find(question.name);
  const wanted = (found ?? []).filter(
    // A CNAME answers a question of any type, and its target comes along.
    ({ type }) => type === "CNAME" || question.type === TYPES[type] || question.type === ANY,
  );
  const header = Buffer.alloc(HEADER);
  message.copy(header, 0, 0, 2);
  const repeated = message.readUInt16BE(2) & RECURSION_DESIRED;
  header.writeUInt16BE(ANSWER | repeated | (found ? 0 : NO_SUCH_NAME), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(wanted.length, 6);
  return Buffer.concat([header, message.subarray(HEADER, question.end), ...wanted.map(writeRecord)]);
}

interface Question {
  readonly name: string;
  readonly type: number;
  readonly end: number;
}

function readQuestion(message: Buffer): Question | undefined {
  if (message.length < HEADER || message.readUInt16BE(2) & 0x8000 || message.readUInt16BE(4) !== 1)
    return undefined;
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = message[at];
    // Above 63 it would be a pointer, which a question has no use for.
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    labels.push(message.toString("latin1", at, at + length));
    at += length;
  }
  if (at + 4 > message.length) return undefined;
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at), end: at + 4 };
}

function writeRecord({ name, type, ttl, value }: DnsRecord): Buffer {
  const data = type === "A" ? Buffer.from(value.split(".").map(Number)) : writeName(value);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(TYPES[type], 0);
  fixed.writeUInt16BE(INTERNET, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([writeName(name), fixed, data]);
}

const writeName = (name: string): Buffer =>
  Buffer.concat([
    ...name.split(".").map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, "latin1")])),
    Buffer.of(0),
  ]);
