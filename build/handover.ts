import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { execaSync } from "execa";
import { readExecutable } from "./elf.ts";
import { inRepository } from "./paths.ts";

export const handoverSource = inRepository("cmd/berth-agent/handover.s");

/** In whose place the code stands: node::inspector::InspectorIo::ThreadMain(). Nothing starts the debugger. */
const place = "_ZN4node9inspector11InspectorIo10ThreadMainEv";

/** Where an ELF header has the address of the first instruction (e_entry of elf.h). */
const entry = 24;

/** Puts the code of {@link handoverSource} before Node.js' own start, in the file `executable`. */
export function insertHandover(executable: string): void {
  const { image, offsetOf, functionOf } = readExecutable(executable);
  const { address, size } = functionOf(place);
  const code = assemble(address, image.readBigUInt64LE(entry));
  if (code.length > size) throw new Error(`Cannot insert the handover: ${code.length} bytes, and there are ${size}`);
  code.copy(image, offsetOf(address));
  image.writeBigUInt64LE(BigInt(address), entry);
  writeFileSync(executable, image);
}

/** @param start Node.js' own first instruction, which the code jumps to. */
function assemble(address: number, start: bigint): Buffer {
  const directory = mkdtempSync(`${tmpdir()}/handover-`);
  const [object, linked, code] = ["o", "elf", "bin"].map((kind) => `${directory}/handover.${kind}`) as [
    string,
    string,
    string,
  ];
  try {
    execaSync("as", ["-o", object, handoverSource]);
    execaSync("ld", [
      `--section-start=.text=${hex(address)}`,
      `--defsym=node_start=${hex(start)}`,
      "-o",
      linked,
      object,
    ]);
    execaSync("objcopy", ["--output-target=binary", "--only-section=.text", linked, code]);
    return readFileSync(code);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function hex(address: number | bigint): string {
  return `0x${address.toString(16)}`;
}
