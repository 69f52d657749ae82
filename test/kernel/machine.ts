import { readFileSync } from "node:fs";
import { execa } from "execa";
import type { Kernel } from "./kernel.ts";

export interface Machine {
  readonly kernel: Kernel;
  readonly initramfs: string;
  /** The file for the kernel's console. */
  readonly console: string;
  /** After so many seconds the machine is switched off. */
  readonly limit: number;
}

/**
 * Boots an emulated machine and gives the lines that it writes to its second serial port, until it switches itself off,
 * panics, or has used up its time. Both ends look the same here: what comes out must say by itself that it is complete.
 */
export async function* boot({ kernel, initramfs, console, limit }: Machine): AsyncGenerator<string> {
  const commandLine = [
    "console=ttyS0 quiet panic=-1 oops=panic",
    // The emulated HPET costs an exit from the emulator for each look at the clock, the time stamp counter none.
    "clocksource=tsc tsc=reliable",
  ];
  const machine = execa(
    "setpriv",
    [
      ...["--pdeathsig", "KILL", "qemu-system-x86_64"],
      // One processor: bats runs one process at a time, and emulated processors slow each other down.
      ...["-accel", "tcg,thread=multi", "-cpu", "max", "-m", "2048"],
      ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
      ...["-kernel", kernel.image, "-initrd", initramfs, "-append", commandLine.join(" ")],
      ...["-serial", `file:${console}`, "-serial", "stdio"],
    ],
    { stdin: "ignore", buffer: false, timeout: limit * 1000, reject: false },
  );
  yield* machine;
  const { failed, timedOut, shortMessage } = await machine;
  if (failed && !timedOut) throw new Error(shortMessage);
}

/** The last lines of a console. */
export function tailOf(console: string, lines = 40): string[] {
  return readFileSync(console, "utf8").replaceAll("\r", "").trimEnd().split("\n").slice(-lines);
}
