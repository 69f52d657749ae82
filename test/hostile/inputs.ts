/** A call that a plugin is to take or to refuse with one CNI error. */
export interface Input {
  readonly title: string;
  readonly stdin: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

type Config = Readonly<Record<string, unknown>>;

const megabytes = 10 << 20;

/** Standard input: what is no JSON, no configuration, too deep, too large, or there twice. */
export function hostileInputs(config: Config): Input[] {
  const text = JSON.stringify(config);
  const rest = text.slice(1);
  const deep = (open: string, close: string) => `{"deep": ${open.repeat(100_000)}1${close.repeat(100_000)}, ${rest}`;
  const integers = text.replaceAll(/:(\d+)([,}])/g, ":9007199254740993$2");
  return [
    { title: "empty", stdin: "" },
    { title: "white space", stdin: " \n\t" },
    { title: "a byte order mark", stdin: `\ufeff${text}` },
    { title: "cut off", stdin: text.slice(0, -1) },
    { title: "null", stdin: "null" },
    { title: "a list", stdin: "[]" },
    { title: "NUL bytes", stdin: new Uint8Array(100) },
    { title: "NUL in a text", stdin: JSON.stringify({ ...config, name: "a\0b" }) },
    { title: "no UTF-8", stdin: Buffer.from(`{"name": "\xff\xfe", ${rest}`, "latin1") },
    { title: "no UTF-8 in the name", stdin: Buffer.from(JSON.stringify({ ...config, name: "n\xff" }), "latin1") },
    { title: "a lone surrogate", stdin: text.replace('"net"', '"\\ud800"') },
    { title: "keys there twice", stdin: `{"name": "other", "ipam": {"type": "static"}, "mtu": "x", ${rest}` },
    { title: "__proto__", stdin: `{"__proto__": {"name": 1, "toString": 1}, "constructor": {"prototype": 1}, ${rest}` },
    { title: "integers beyond 2^53", stdin: integers },
    { title: "100,000 brackets", stdin: deep("[", "]") },
    { title: "100,000 braces", stdin: deep('{"a":', "}") },
    { title: "100,000 brackets that nobody closes", stdin: "[".repeat(100_000) },
    { title: "10 MB of brackets", stdin: "[".repeat(megabytes) },
    { title: "10 MB of text", stdin: `{"filling": "${"x".repeat(megabytes)}", ${rest}` },
    { title: "10 MB of a list", stdin: `{"filling": [${"1,".repeat(megabytes / 2)}1], ${rest}` },
    { title: "10 MB for a name", stdin: JSON.stringify({ ...config, name: "n".repeat(megabytes) }) },
    { title: "another plugin as its IPAM", stdin: JSON.stringify({ ...config, ipam: { type: "bridge" } }) },
    { title: "itself as its IPAM", stdin: JSON.stringify({ ...config, ipam: { type: config["type"] } }) },
    { title: "a path as its IPAM", stdin: JSON.stringify({ ...config, ipam: { type: "../../../bin/sh" } }) },
    { title: "a name out of the directory", stdin: JSON.stringify({ ...config, name: "../../escape" }) },
    { title: "a name that is an option", stdin: JSON.stringify({ ...config, name: "-j ACCEPT" }) },
    { title: "a prevResult of texts", stdin: JSON.stringify({ ...config, prevResult: "x" }) },
    {
      title: "a prevResult with names out of a directory",
      stdin: JSON.stringify({
        ...config,
        prevResult: {
          cniVersion: "1.1.0",
          interfaces: ["../../../../run/escape", "../all", "\0"].map((name) => ({ name, mac: "x", sandbox: "/" })),
          ips: [{ address: "10.1.0.2/24", interface: 2 ** 40 }],
        },
      }),
    },
  ];
}

const tooLong = "x".repeat(100_000);

/** Values of variables, each of which is refused, or harmless. */
const values: Readonly<Record<string, readonly string[]>> = {
  CNI_COMMAND: ["", "add", "../ADD", "ADD\n", "__proto__", tooLong],
  CNI_CONTAINERID: ["", "..", "../../escape", "a/b", "-j", "a b", "é", "x".repeat(300), tooLong],
  CNI_NETNS: [
    "",
    "/",
    "/run/netns",
    "/run/netns/none",
    "/etc/passwd",
    "/proc/self/ns/pid",
    "/run/tmp/fifo",
    "/dev/null",
    tooLong,
  ],
  CNI_IFNAME: [
    "",
    ".",
    "..",
    "%d",
    "eth%d",
    "a/b",
    "a:b",
    "a b",
    "a\u0085b",
    "x".repeat(16),
    "é".repeat(8),
    "../../x",
    "all",
    tooLong,
  ],
  CNI_ARGS: ["a", "a=b=c", ";;;", "=", "IP=10.1.0.999", "MAC=zz", "IgnoreUnknown=perhaps", tooLong],
  CNI_PATH: ["", ":", "relative", "/nowhere", "/etc/passwd", "/run/tmp", tooLong],
};

/** @param env what the variables are otherwise. */
export function hostileVariables(config: Config, env: Readonly<Record<string, string>>): Input[] {
  const stdin = JSON.stringify(config);
  return Object.entries(values).flatMap(([variable, some]) =>
    some.map((value) => ({
      title: `${variable}=${JSON.stringify(value.length > 40 ? `${value.slice(0, 3)}…` : value)}`,
      stdin,
      env: { ...env, [variable]: value },
    })),
  );
}
