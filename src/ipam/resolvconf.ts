import type { DNS } from "../cni/result.ts";

/**
 * What a resolver file says (resolv.conf(5)): the first word of each `nameserver`, the last `domain`, the words of all
 * `search` and all `options` lines.
 */
export function parseResolvConf(text: string): DNS {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^[#;]/.test(line))
    .map((line) => line.split(/\s+/));
  const words = (keyword: string) => lines.flatMap(([first, ...rest]) => (first === keyword ? [rest] : []));
  const domain = words("domain").at(-1)?.[0];
  return {
    nameservers: words("nameserver").flatMap(([server]) => server ?? []),
    ...(domain === undefined ? {} : { domain }),
    search: words("search").flat(),
    options: words("options").flat(),
  };
}
