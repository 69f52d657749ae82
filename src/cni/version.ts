/** Every version of the CNI specification, oldest first. */
export const versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export type Version = (typeof versions)[number];

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
