import { readFileSync } from "node:fs";
import { execaSync } from "execa";

/** A function's place in memory. */
interface Place {
  readonly address: number;
  readonly size: number;
}

/** An executable whose addresses are fixed, as Node.js is. */
export interface Executable {
  readonly image: Buffer;
  /** Where in the file an address is. */
  offsetOf(address: number): number;
  /** A function that it exports. */
  functionOf(name: string): Place;
}

/** Reads an executable. What the two functions do not find is an Error. */
export function readExecutable(file: string): Executable {
  const image = readFileSync(file);
  const sections = readSections(file);
  const functions = readFunctions(file);
  return {
    image,
    offsetOf(address) {
      const section = sections.find(({ start, size }) => start <= address && address < start + size);
      if (section === undefined) throw new Error(`Cannot change ${file}: no section has address ${address}`);
      return address - section.start + section.offset;
    },
    functionOf(name) {
      const found = functions.get(name);
      if (found === undefined) throw new Error(`Cannot change ${file}: ${name} is not there`);
      return found;
    },
  };
}

function readSections(file: string) {
  const { stdout } = execaSync("readelf", ["--sections", "--wide", file]);
  const rows = stdout.matchAll(/ (?:PROGBITS) +([0-9a-f]{16}) ([0-9a-f]+) ([0-9a-f]+)/g);
  return Array.from(rows, ([, ...numbers]) => {
    const [start = 0, offset = 0, size = 0] = numbers.map((number) => Number.parseInt(number, 16));
    return { start, offset, size };
  });
}

function readFunctions(file: string): Map<string, Place> {
  const options = ["--dynamic", "--defined-only", "--print-size"];
  const { stdout } = execaSync("nm", [...options, file], { maxBuffer: 2 ** 26 });
  const rows = stdout.matchAll(/^([0-9a-f]+) ([0-9a-f]+) T (\S+)$/gm);
  return new Map(
    Array.from(rows, ([, address = "", size = "", name = ""]) => [
      name,
      { address: Number.parseInt(address, 16), size: Number.parseInt(size, 16) },
    ]),
  );
}
