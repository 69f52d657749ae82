/** What the daemon is started with; upstream's names and defaults. */
export interface Flags {
  readonly pidfile: string;
  readonly hostprefix: string;
  readonly socketpath: string;
  readonly broadcast: boolean;
  /** In milliseconds, as the two after it. */
  readonly timeout: number;
  readonly resendmax: number;
  readonly resendtimeout: number;
}

interface Flag<T> {
  readonly usual: T;
  readonly meaning: string;
  readonly read?: (text: string) => T | undefined;
}

const path: Flag<string>["read"] = (text) => text;

/** The daemon's flags, as in `dhcp daemon -pidfile /run/dhcp.pid`. */
const table: { readonly [Name in keyof Flags]: Flag<Flags[Name]> } = {
  pidfile: { usual: "", meaning: "file to write the process ID to", read: path },
  hostprefix: {
    usual: "",
    meaning: "what stands before the paths of the socket, the namespaces and the leases",
    read: path,
  },
  socketpath: {
    usual: "/run/cni/dhcp.sock",
    meaning: "socket to listen at, where systemd hands over none",
    read: path,
  },
  broadcast: { usual: false, meaning: "ask servers to answer to all", read: readBoolean },
  timeout: { usual: 10_000, meaning: "how long a server may take to answer a request", read: readDuration },
  resendmax: { usual: 62_000, meaning: "longest time between two requests", read: readDuration },
  resendtimeout: { usual: 208_000, meaning: "how long to ask before giving up", read: readDuration },
};

/** Reads flags as programs in Go have them: one dash or two, `-flag value` or `-flag=value`. @throws SyntaxError. */
export function readFlags(args: readonly string[]): Flags {
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(table).map(([name, { usual }]) => [name, usual]),
  );
  for (let rest = [...args]; rest.length > 0; ) {
    const [flag = ""] = rest;
    const [, name = "", given] = /^--?([a-z]+)(?:=(.*))?$/s.exec(flag) ?? [];
    const known = Object.hasOwn(table, name) ? table[name as keyof Flags] : undefined;
    if (known === undefined) throw new SyntaxError(`Cannot read ${flag}: no flag of this name`);
    const separate = given === undefined && name !== "broadcast";
    const text = given ?? (separate ? rest[1] : "true");
    const value = text === undefined ? undefined : known.read?.(text);
    if (value === undefined) throw new SyntaxError(`Cannot read -${name} ${text ?? ""}: not a value that it can have`);
    values[name] = value;
    rest = rest.slice(separate ? 2 : 1);
  }
  return values as unknown as Flags;
}

export function usage(): string {
  const lines = Object.entries(table).map(([name, { usual, meaning }]) => {
    const shown = typeof usual === "number" ? `${usual / 1000}s` : usual;
    return `  -${name.padEnd(14)} ${meaning}${shown === "" || shown === false ? "" : ` (${shown})`}\n`;
  });
  return `Usage of dhcp daemon:\n${lines.join("")}`;
}

function readBoolean(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  return undefined;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `1m2.5s`, as Go's time.ParseDuration. */
function readDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (units[unit] ?? 0), 0);
}
