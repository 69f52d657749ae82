/** Every version of the CNI specification, oldest first. */
export const versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export type Version = (typeof versions)[number];

/** The version that a configuration without `cniVersion` has. */
export const defaultVersion: Version = "0.1.0";

export const newestVersion: Version = "1.1.0";

export function isVersion(text: string): text is Version {
  return (versions as readonly string[]).includes(text);
}

export function versionAtLeast(version: Version, oldest: Version): boolean {
  return versions.indexOf(version) >= versions.indexOf(oldest);
}

/** The versions from `oldest` on: what a plugin supports that needs what `oldest` brought. */
export function versionsFrom(oldest: Version): readonly Version[] {
  return versions.slice(versions.indexOf(oldest));
}

/** Orders any two versions, also ones that this specification does not know. @throws SyntaxError as {@link parseVersion}. */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/**
 * `1.2.3`, where missing parts count as 0 and no text at all as 0.1.0.
 *
 * @throws SyntaxError with the text of the Go library.
 */
export function parseVersion(text: string): [major: number, minor: number, micro: number] {
  if (text === "") return [0, 1, 0];
  const parts = text.split(".");
  if (parts.length > 3) throw new SyntaxError(`invalid version ${JSON.stringify(text)}: too many parts`);
  const number = (index: number, name: string) => {
    const part = parts[index] ?? "0";
    if (/^\d+$/.test(part)) return Number(part);
    throw new SyntaxError(`failed to convert ${name} version part ${JSON.stringify(part)}: not a number`);
  };
  return [number(0, "major"), number(1, "minor"), number(2, "micro")];
}
