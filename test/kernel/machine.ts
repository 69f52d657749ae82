import { readFileSync } from "node:fs";
import { execa } from "execa";

/** A machine that has said nothing for so many seconds hangs: a test is given 120 s. Nor does one take longer than that many. */
const limits = { silence: 240, whole: 1800 };

/**
 * Without "enhanced rep movsb" the kernel and the C library copy in words: the emulator takes one step for each repetition,
 * so that zeroing a page takes 4096.
 */
const cpu = "max,-erms,-fsrm";

/** What halves the time of a test in an emulated processor, as measured, and is not what is tested. */
const fast = [
  // The emulated HPET costs an exit from the emulator for each look at the clock, the time stamp counter none.
  "clocksource=tsc tsc=reliable",
  // The emulator's translation of a program serves again where the program is at the same address.
  "norandmaps nokaslr",
  // No flush of all translations at each system call, no zeroing of each page twice.
  "mitigations=off init_on_alloc=0",
  "lsm=capability audit=0 nowatchdog rcupdate.rcu_expedited=1",
];

/** Two network cards on one cable, which leads nowhere else; none to boot from. */
const cards = [1, 2].flatMap((n) => [
  ...["-netdev", `hubport,id=port${n},hubid=0`],
  ...["-device", `virtio-net-pci,netdev=port${n},mac=52:54:00:00:00:0${n},romfile=`],
]);

/**
 * Boots an emulated machine, whose console goes to a file, and gives the lines that it writes to its second serial port until
 * it switches itself off, panics, hangs, or has used up its time. All ends look the same here.
 */
export async function* boot(kernel: string, initramfs: string, console: string): AsyncGenerator<string> {
  const emulator = execa(
    "setpriv",
    [
      ...["--pdeathsig", "KILL", "qemu-system-x86_64"],
      ...["-accel", "tcg", "-cpu", cpu, "-m", "2048"],
      ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
      ...cards,
      ...["-kernel", kernel, "-initrd", initramfs],
      ...["-append", ["console=ttyS0 quiet panic=-1 oops=panic", ...fast].join(" ")],
      ...["-serial", `file:${console}`, "-serial", "stdio"],
    ],
    { stdin: "ignore", buffer: false, timeout: limits.whole * 1000, reject: false },
  );
  const silence = setTimeout(() => emulator.kill(), limits.silence * 1000);
  for await (const line of emulator) {
    silence.refresh();
    yield line;
  }
  clearTimeout(silence);
  const { exitCode, shortMessage } = await emulator;
  if (exitCode !== undefined && exitCode !== 0) throw new Error(shortMessage);
}

/** The last lines of a console. */
export function tailOf(console: string, lines = 40): string[] {
  return readFileSync(console, "utf8").replaceAll("\r", "").trimEnd().split("\n").slice(-lines);
}
