import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { execaSync } from "execa";
import { readExecutable } from "./elf.ts";
import { inRepository } from "./paths.ts";

export const handoverSources = ["handover.s", "interpreter.s"].map((name) => inRepository("cmd/berth-agent", name));

/** In whose place the code stands: node::inspector::InspectorIo::ThreadMain(). Nothing starts the debugger. */
const place = "_ZN4node9inspector11InspectorIo10ThreadMainEv";

/** Of the ELF header, of a program header and its types (elf.h). */
const entry = 24;
const programHeaders = { start: 64, count: 56, size: 56 };
const programHeader = { type: 0, flags: 4, offset: 8, address: 16, fileSize: 32 };
const [PT_NULL, PT_LOAD, PT_INTERP] = [0, 1, 3];
const PF_W = 2;

/** Puts the code of {@link handoverSources} before the dynamic linker and Node.js' own start, in the file `executable`. */
export function insertHandover(executable: string): void {
  const { image, offsetOf, functionOf } = readExecutable(executable);
  const { address, size } = functionOf(place);
  const interpreter = hideInterpreter(image);
  const code = assemble(address, { node_start: Number(image.readBigUInt64LE(entry)), ...interpreter });
  if (code.length > size) throw new Error(`Cannot insert the handover: ${code.length} bytes, and there are ${size}`);
  code.copy(image, offsetOf(address));
  image.writeBigUInt64LE(BigInt(address), entry);
  writeFileSync(executable, image);
}

/** Lets the kernel start the program itself and not its dynamic linker. @returns addresses, as interpreter.s names them. */
function hideInterpreter(image: Buffer): Record<"interpreter" | "interpreter_type", number> {
  const headers = Array.from({ length: image.readUInt16LE(programHeaders.count) }, (_, i) => {
    const at = programHeaders.start + i * programHeaders.size;
    return {
      at,
      type: image.readUInt32LE(at + programHeader.type),
      isWritable: (image.readUInt32LE(at + programHeader.flags) & PF_W) !== 0,
      offset: Number(image.readBigUInt64LE(at + programHeader.offset)),
      address: Number(image.readBigUInt64LE(at + programHeader.address)),
      fileSize: Number(image.readBigUInt64LE(at + programHeader.fileSize)),
    };
  });
  const found = headers.find(({ type }) => type === PT_INTERP);
  const segment = headers.find(
    ({ type, offset, fileSize }) => type === PT_LOAD && offset === 0 && fileSize >= programHeaders.start,
  );
  // The code gives the header its type back, for the dynamic linker looks for it.
  if (!found || !segment?.isWritable)
    throw new Error("Cannot insert the handover: the headers are not as patchelf has them");
  image.writeUInt32LE(PT_NULL, found.at + programHeader.type);
  return { interpreter: found.address, interpreter_type: segment.address + found.at };
}

/** @param symbols what the code refers to, by name. */
function assemble(address: number, symbols: Readonly<Record<string, number>>): Buffer {
  const directory = mkdtempSync(`${tmpdir()}/handover-`);
  try {
    const objects = handoverSources.map((source, i) => {
      const object = `${directory}/${i}.o`;
      execaSync("as", ["-o", object, source]);
      return object;
    });
    const [linked, code] = [`${directory}/linked`, `${directory}/code`];
    const definitions = Object.entries(symbols).map(([name, value]) => `--defsym=${name}=${hex(value)}`);
    execaSync("ld", [`--section-start=.text=${hex(address)}`, ...definitions, "-o", linked, ...objects]);
    execaSync("objcopy", ["--output-target=binary", "--only-section=.text", linked, code]);
    return readFileSync(code);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
