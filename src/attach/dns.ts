import type { DNS } from "../cni/result.ts";

/** The configuration's DNS if it says anything, else what the IPAM plugin gave. */
export function chooseDns(configured: DNS | undefined, leased: DNS): DNS {
  const says = configured !== undefined && Object.values(configured).some((value) => value !== "");
  return says ? configured : leased;
}
