import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { execaSync } from "execa";

/** An unpacked kernel package: never installed, so nothing of this machine changes. */
export interface Kernel {
  /** The package's name and version. */
  readonly name: string;
  /** The bootable image. */
  readonly image: string;
  /** The folder of its modules: `…/lib/modules/<release>`. */
  readonly modules: string;
}

/** Debian's kernel for virtual machines, the newest in the package index, from `cache` if it is there. */
export function fetchKernel(cache: string): Kernel {
  const name = newestPackage();
  const folder = join(cache, name);
  if (!existsSync(folder)) unpack(name, folder);
  const [image] = globSync("boot/vmlinuz-*", { cwd: folder });
  const [modules] = globSync("lib/modules/*", { cwd: folder });
  if (!image || !modules) throw new Error(`Cannot use kernel package ${name}: no image or no modules in ${folder}`);
  return { name, image: join(folder, image), modules: join(folder, modules) };
}

function newestPackage(): string {
  const { stdout } = execaSync("apt-cache", ["depends", "--important", "linux-image-cloud-amd64"]);
  const name = stdout.match(/Depends: (linux-image-\S+-cloud-amd64)/)?.[1];
  if (!name) throw new Error("Cannot find Debian's cloud kernel: the package index is empty (run apt-get update)");
  return name;
}

function unpack(name: string, folder: string): void {
  mkdirSync(join(folder, ".."), { recursive: true });
  const unfinished = mkdtempSync(`${folder}.`);
  try {
    execaSync("apt-get", ["download", "-o", "APT::Sandbox::User=root", name], { cwd: unfinished });
    const [archive = ""] = globSync("*.deb", { cwd: unfinished });
    execaSync("dpkg-deb", ["--extract", archive, "."], { cwd: unfinished });
    rmSync(join(unfinished, archive));
    const [modules = ""] = globSync("lib/modules/*", { cwd: unfinished });
    execaSync("depmod", ["--basedir", unfinished, basename(modules)]);
    // Another run may have been quicker.
    if (!existsSync(folder)) renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** The files of the modules beneath `folders` of a kernel and of all that they depend on, with depmod's indexes. */
export function modulesOf(kernel: Kernel, folders: readonly string[]): string[] {
  const lines = readFileSync(join(kernel.modules, "modules.dep"), "utf8").trim().split("\n");
  const wanted = new Set<string>();
  for (const line of lines) {
    const [module = "", ...needed] = line.split(/:? +|:$/).filter(Boolean);
    if (folders.some((folder) => module.startsWith(`kernel/${folder}/`))) {
      for (const path of [module, ...needed]) wanted.add(path);
    }
  }
  return [...wanted, ...globSync("modules.*", { cwd: kernel.modules })].map((path) => join(kernel.modules, path));
}
