import { globSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What Node.js needs beyond the C library. */
const travelling = ["libstdc++.so.6", "libgcc_s.so.1", "libatomic.so.1"];

/** The oldest C library that Node.js itself runs on. */
const oldestLibc = { major: 2, minor: 28 };

/** Puts the libraries that Node.js needs beyond the C library into a folder, fit for {@link oldestLibc}. */
export function placeLibraries(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of travelling) {
    const [found] = globSync(`/{usr/,}lib/x86_64-linux-gnu/${name}`);
    if (found === undefined) throw new Error(`Cannot find ${name}: not in /usr/lib/x86_64-linux-gnu`);
    const library = readFileSync(realpathSync(found));
    lowerLibcNeeds(library);
    const unfinished = join(folder, `.${name}.${process.pid}`);
    writeFileSync(unfinished, library);
    renameSync(unfinished, join(folder, name));
  }
}

/** Section types and symbol kinds of elf.h. */
const SHT_DYNSYM = 11;
const SHT_GNU_verneed = 0x6ffffffe;
const SHT_GNU_versym = 0x6fffffff;
const SHN_UNDEF = 0;
const VER_NDX_GLOBAL = 1;
const [STB_LOCAL, STB_WEAK] = [0, 2];

/**
 * Debian's libraries ask for the C library that they were built with, by the versions of some symbols. This takes the versions
 * that are newer than {@link oldestLibc} away, so that any version of the symbol will do (glibc gave the functions of threads
 * new ones when it moved them), and lets the few symbols be missing that are new: Node.js calls nothing that uses them.
 */
function lowerLibcNeeds(library: Buffer): void {
  const sections = readSections(library);
  const symbols = sections.find(({ type }) => type === SHT_DYNSYM);
  const versionOf = sections.find(({ type }) => type === SHT_GNU_versym);
  const needs = sections.find(({ type }) => type === SHT_GNU_verneed);
  const strings = symbols && sections[symbols.link];
  if (!symbols || !versionOf || !needs || !strings)
    throw new Error("Cannot fit a library: it has no versions of symbols");
  const tooNew = lowerVersions(library, needs.offset, strings.offset);

  for (let i = 0; i < symbols.size / 24; i++) {
    const symbol = symbols.offset + i * 24;
    const version = versionOf.offset + i * 2;
    if (!tooNew.has(library.readUInt16LE(version))) continue;
    library.writeUInt16LE(VER_NDX_GLOBAL, version);
    if (library.readUInt16LE(symbol + 6) !== SHN_UNDEF) continue;
    const kind = library.readUInt8(symbol + 4) & 0xf;
    if (textAt(library, strings.offset + library.readUInt32LE(symbol)) === "__libc_single_threaded") {
      // A variable has to be somewhere: at a byte that is zero for ever. It says that there may be several threads.
      library.writeUInt8((STB_LOCAL << 4) | kind, symbol + 4);
      library.writeUInt16LE(symbols.link, symbol + 6);
      library.writeBigUInt64LE(strings.address, symbol + 8);
    } else {
      library.writeUInt8((STB_WEAK << 4) | kind, symbol + 4);
    }
  }
}

/** Gives the versions that are too new the name of the oldest, and returns their numbers. */
function lowerVersions(library: Buffer, needs: number, strings: number): Set<number> {
  const entries = readVersionNeeds(library, needs).map((entry) => ({
    entry,
    text: textAt(library, strings + library.readUInt32LE(entry + 8)),
  }));
  const oldest = entries.find(({ text }) => text === "GLIBC_2.2.5");
  const tooNew = entries.filter(({ text }) => isNewer(text));
  for (const { entry } of tooNew) {
    if (oldest === undefined) throw new Error("Cannot fit a library: it asks for no old version of the C library");
    library.copy(library, entry, oldest.entry, oldest.entry + 4); // the name's hash
    library.copy(library, entry + 8, oldest.entry + 8, oldest.entry + 12); // the name
  }
  return new Set(tooNew.map(({ entry }) => library.readUInt16LE(entry + 6)));
}

function isNewer(version: string): boolean {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) === oldestLibc.major && Number(minor) > oldestLibc.minor;
}

/** The offsets of all Elf64_Vernaux: a list for each library needed, in a list. */
function readVersionNeeds(library: Buffer, start: number): number[] {
  const entries: number[] = [];
  for (let need = start, next = -1; next !== 0; need += next) {
    let entry = need + library.readUInt32LE(need + 8);
    for (let count = library.readUInt16LE(need + 2); count > 0; count--) {
      entries.push(entry);
      entry += library.readUInt32LE(entry + 12);
    }
    next = library.readUInt32LE(need + 12);
  }
  return entries;
}

function readSections(library: Buffer) {
  const [start, count] = [Number(library.readBigUInt64LE(0x28)), library.readUInt16LE(0x3c)];
  return Array.from({ length: count }, (_, i) => {
    const header = start + i * 64;
    return {
      type: library.readUInt32LE(header + 4),
      address: library.readBigUInt64LE(header + 16),
      offset: Number(library.readBigUInt64LE(header + 24)),
      size: Number(library.readBigUInt64LE(header + 32)),
      link: library.readUInt32LE(header + 40),
    };
  });
}

function textAt(library: Buffer, offset: number): string {
  return library.toString("latin1", offset, library.indexOf(0, offset));
}
