/**
 * Pulumi's assets and archives as a zip file, as a function's code needs it: files, folders and texts, by
 * name. What is on the network (`RemoteAsset`) is refused: nothing here leaves the machine.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import type { Props } from "../../values.js";

type Files = Map<string, Buffer>;

/** The zip file of an archive, as it comes over the wire. */
export function zipOf(archive: Props): Buffer {
  if (archive.path && statSync(archive.path).isFile()) return readFileSync(archive.path);
  const files: Files = new Map();
  collect(archive, "", files);
  return zip(files);
}

function collect(item: Props, name: string, files: Files): void {
  if (item.assets) {
    for (const [key, inner] of Object.entries(item.assets as Props))
      collect(inner, posix.join(name, key), files);
  } else if (item.text !== undefined) {
    files.set(name, Buffer.from(item.text));
  } else if (item.path) {
    collectPath(item.path, name, files);
  } else {
    throw new Error(`${name || "the archive"} is at ${item.uri}: the stand-in reads files and texts only`);
  }
}

function collectPath(path: string, name: string, files: Files): void {
  if (!statSync(path).isDirectory()) {
    files.set(name, readFileSync(path));
    return;
  }
  for (const entry of readdirSync(path).sort())
    collectPath(join(path, entry), posix.join(name, entry), files);
}

const FIXED_DATE = 0x21; // 1980-01-01: the same files make the same archive.
const MODE = (0o100644 << 16) >>> 0;

/** Source: PKWARE's APPNOTE, local headers (4.3.7), central directory (4.3.12) and its end (4.3.16). */
function zip(files: Files): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [path, content] of files) {
    const name = Buffer.from(path);
    const packed = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); // version needed
    common.writeUInt16LE(0x0800, 2); // names are UTF-8
    common.writeUInt16LE(8, 4); // deflate
    common.writeUInt16LE(FIXED_DATE, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, name, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(MODE, 6);
    tail.writeUInt32LE(offset, 10);
    entries.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x03"), common, tail, name]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.size, 4);
  end.writeUInt16LE(files.size, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from("PK\x05\x06"), end]);
}
