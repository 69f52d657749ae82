import { createHash } from "node:crypto";
import { copyFileSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../../build/paths.ts";
import { appendArchive, type Source } from "./archive.ts";
import { asTree, filesOf, librariesOf, versionsOf } from "./debian.ts";
import { type Kernel, modulesOf } from "./kernel.ts";

/** The user space of the test machine: these packages as they are installed here, and the libraries they need. */
const packages = [
  ...["bash", "coreutils", "dash", "diffutils", "findutils", "grep", "libc6", "mawk", "procps", "sed", "util-linux"],
  ...[
    "busybox-static",
    "conntrack",
    "dnsmasq-base",
    "iproute2",
    "iptables",
    "gojq",
    "iputils-ping",
    "kmod",
    "mount",
    "nftables",
    "strace",
    "tcpdump",
  ],
  "containernetworking-plugins",
];

/** Links made by update-alternatives, which belong to no package. */
const alternatives = ["awk", "iptables", "iptables-save", "ip6tables", "ip6tables-save"];

const moduleFolders = [
  ...["arch", "crypto", "lib", "net", "drivers/virtio"],
  ...["net", "net/bonding", "net/ipvlan", "net/team", "net/vxlan", "net/wireguard"].map((name) => `drivers/${name}`),
];

/** What is taken of the repository; `build/bin` are the executables under test. */
const suites = ["test", "conf", "node_modules/bats"];

/** Where the repository is in the test machine. */
const berth = "/berth";

/**
 * Writes an initramfs that runs bats with `options` from the repository's root, on the executables of a folder, after `system`.
 * All of it in memory costs 2 s of unpacking in an emulated machine and spares it disks.
 */
export function writeImage(output: string, system: string, executables: string, options: readonly string[]): void {
  copyFileSync(system, output);
  appendArchive(output, suiteTree(executables, options));
}

/** The part of an initramfs that is Debian's packages and the kernel's modules: kept in `cache` while they stay the same. */
export function writeSystem(kernel: Kernel, cache: string): string {
  const makers = ["archive.ts", "debian.ts", "image.ts", "kernel.ts"].map((name) => join(import.meta.dirname, name));
  const content = createHash("sha256").update(kernel.name).update(versionsOf(packages));
  for (const file of makers) content.update(readFileSync(file));
  const part = join(cache, `system-${content.digest("hex").slice(0, 16)}.cpio`);
  if (existsSync(part)) return part;

  mkdirSync(cache, { recursive: true });
  for (const old of globSync("system-*.cpio", { cwd: cache })) rmSync(join(cache, old), { force: true });
  const unfinished = `${part}.${process.pid}`;
  try {
    appendArchive(unfinished, systemTree(kernel));
    renameSync(unfinished, part);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return part;
}

function systemTree(kernel: Kernel): Map<string, Source> {
  const links = alternatives.flatMap((name) =>
    [`/usr/bin/${name}`, `/usr/sbin/${name}`].filter((path) => existsSync(path)),
  );
  const files = filesOf(packages);
  const tree = asTree([...files, ...links, ...librariesOf(files)]);
  for (const folder of ["bin", "sbin", "lib", "lib64"]) tree.set(`/${folder}`, { file: `/${folder}` });
  for (const file of modulesOf(kernel, moduleFolders)) {
    tree.set(join("/usr/lib/modules", relative(join(kernel.modules, ".."), file)), { file });
  }
  // jq 1.6 takes 0.5 s to start in an emulated machine, which is most of a test's time; gojq takes 0.06 s.
  tree.set("/usr/bin/jq", { file: "/usr/bin/gojq" });
  // tcpdump becomes its own user.
  for (const file of ["/etc/passwd", "/etc/group"]) tree.set(file, { file });
  return tree;
}

function suiteTree(executables: string, options: readonly string[]): Map<string, Source> {
  const tree = new Map<string, Source>();
  for (const file of filesIn(executables)) tree.set(join(berth, "build/bin", relative(executables, file)), { file });
  for (const folder of suites) {
    for (const file of filesIn(join(root, folder))) tree.set(join(berth, relative(root, file)), { file });
  }
  tree.set("/init", { file: join(import.meta.dirname, "init") });
  tree.set("/etc/bats", { text: options.map((option) => `${option}\n`).join(""), mode: 0o644 });
  return tree;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
