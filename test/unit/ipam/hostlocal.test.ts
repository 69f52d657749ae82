import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { plugin } from "../../../cmd/host-local/main.ts";
import { runPlugin } from "../../../src/cni/run.ts";

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "berth-host-local-"));
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

type Json = Record<string, unknown>;

interface Call {
  readonly id?: string;
  readonly ifname?: string;
  readonly args?: string;
}

/** One call of the plugin as its executable makes it: gives what it printed, decoded. */
function call(verb: string, config: Json, { id = "c1", ifname = "eth0", args = "" }: Call = {}) {
  const env = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: id,
    CNI_NETNS: "/run/netns/none",
    CNI_IFNAME: ifname,
    CNI_ARGS: args,
    CNI_PATH: "/opt/cni/bin",
  };
  const { status, stdout, stderr } = runPlugin(plugin, { env, stdin: () => Buffer.from(JSON.stringify(config)) });
  const output = stdout === "" ? undefined : JSON.parse(stdout);
  return { status, output, stderr };
}

function config(ipam: Json, rest: Json = {}): Json {
  return { cniVersion: "1.1.0", name: "net", type: "bridge", ipam: { type: "host-local", dataDir, ...ipam }, ...rest };
}

const addressesOf = ({ output }: { output: { ips?: { address: string }[]; msg?: string } }) =>
  output.ips?.map(({ address }) => address) ?? output.msg;
const give = (ipam: Json, options?: Call, rest?: Json) => addressesOf(call("ADD", config(ipam, rest), options));
const reserved = () => {
  const directory = join(dataDir, "net");
  const names = existsSync(directory) ? readdirSync(directory) : [];
  return names.filter((name) => /^[0-9a-f:.]+$/.test(name)).sort();
};

const subnet = { subnet: "10.1.0.0/29" };

// --- Bad input ----------------------------------------------------------------------------------------------------

const bad: [
  name: string,
  ipam: Json | undefined,
  code: number,
  message: RegExp,
  details: RegExp,
  rest?: Json,
  args?: string,
][] = [
  ["no ipam", undefined, 7, /IPAM config missing 'ipam' key/, /^ipam: found nothing/],
  ["no range", {}, 7, /no IP ranges specified/, /subnet, or ranges/],
  ["no range set", { ranges: [] }, 7, /no IP ranges specified/, /subnet, or ranges/],
  ["an empty range set", { ranges: [[]] }, 7, /invalid range set 0: empty range set/, /^ipam.ranges\[0\]: found \[\]/],
  [
    "a tiny subnet",
    { subnet: "10.1.0.0/32" },
    7,
    /Network 10.1.0.0\/32 too small to allocate from/,
    /^ipam.subnet: found "10.1.0.0\/32"/,
  ],
  ["host bits", { subnet: "10.1.0.5/24" }, 7, /the network address is 10.1.0.0/, /allowed: 10.1.0.0\/24/],
  [
    "a number for a subnet",
    { subnet: 10 },
    7,
    /ipam.subnet is not allowed/,
    /^ipam.subnet: found 10, allowed: a string/,
  ],
  ["ranges that are no list of lists", { ranges: [subnet] }, 7, /ipam.ranges\[0\]/, /allowed: an array/],
  [
    "a range without subnet",
    { ranges: [[{ rangeStart: "10.1.0.1" }]] },
    7,
    /ipam.ranges\[0\]\[0\].subnet is missing/,
    /^ipam.ranges\[0\]\[0\].subnet/,
  ],
  [
    "a start outside",
    { ...subnet, rangeStart: "10.2.0.1" },
    7,
    /RangeStart 10.2.0.1 not in network 10.1.0.0\/29/,
    /^ipam.rangeStart/,
  ],
  [
    "an end outside",
    { ...subnet, rangeEnd: "10.2.0.1" },
    7,
    /RangeEnd 10.2.0.1 not in network 10.1.0.0\/29/,
    /^ipam.rangeEnd/,
  ],
  [
    "an end before the start",
    { ...subnet, rangeStart: "10.1.0.5", rangeEnd: "10.1.0.4" },
    7,
    /RangeEnd 10.1.0.4 not in/,
    /from 10.1.0.5/,
  ],
  [
    "mixed families",
    { ranges: [[subnet, { subnet: "fd00::/64" }]] },
    7,
    /mixed address families/,
    /ranges\[0\]\[1\].subnet/,
  ],
  ["overlap in a set", { ranges: [[subnet, subnet]] }, 7, /subnets .* and .* overlap/, /ranges\[0\]\[1\]/],
  ["overlap of sets", { ...subnet, ranges: [[subnet]] }, 7, /range set 0 overlaps with 1/, /ipam.ranges\[0\]/],
  [
    "overlap with the runtime's",
    subnet,
    7,
    /range set 0 overlaps with 1/,
    /^ipam:/,
    { runtimeConfig: { ipRanges: [[subnet]] } },
  ],
  [
    "two of a family for 0.2.0",
    { ranges: [[subnet], [{ subnet: "10.2.0.0/24" }]] },
    7,
    /does not support more than 1 address per family/,
    /0.3.0/,
    { cniVersion: "0.2.0" },
  ],
  [
    "no address in runtimeConfig",
    subnet,
    7,
    /invalid IP address ten/,
    /^runtimeConfig.ips\[1\]/,
    { runtimeConfig: { ips: ["10.1.0.2", "ten"] } },
  ],
  [
    "no address in args",
    subnet,
    7,
    /invalid IP address 10.1.0.2\/99/,
    /^args.cni.ips\[0\]/,
    { args: { cni: { ips: ["10.1.0.2/99"] } } },
  ],
  ["no address in CNI_ARGS", subnet, 4, /invalid IP address ten/, /^IP: found "ten"/, {}, "IP=ten"],
  ["unknown CNI_ARGS", subnet, 4, /unknown args \["X=1"\]/, /IgnoreUnknown/, {}, "X=1"],
  [
    "an address of no set",
    subnet,
    7,
    /Cannot allocate all requested IPs: 10.9.9.9/,
    /10.1.0.1-10.1.0.6/,
    {},
    "IP=10.9.9.9",
  ],
  ["the gateway asked for", subnet, 7, /requested ip 10.1.0.1 is subnet's gateway/, /./, {}, "IP=10.1.0.1"],
  [
    "an excluded one asked for",
    { ...subnet, exclude: ["10.1.0.4"] },
    7,
    /requested ip 10.1.0.4 is excluded/,
    /./,
    {},
    "IP=10.1.0.4",
  ],
  [
    "excludes that overlap",
    { ...subnet, exclude: ["10.1.0.4/30", "10.1.0.5"] },
    7,
    /10.1.0.5 overlaps 10.1.0.4\/30/,
    /^ipam.exclude\[1\]/,
  ],
  [
    "an exclude outside",
    { ...subnet, exclude: ["10.1.0.8"] },
    7,
    /10.1.0.8 not in network 10.1.0.0\/29/,
    /^ipam.exclude\[0\]/,
  ],
  [
    "an exclude of nothing",
    { exclude: ["10.1.0.4"], ranges: [[subnet]] },
    7,
    /ipam.exclude is not allowed/,
    /beside a subnet/,
  ],
  [
    "an ipRange outside",
    { ...subnet, ipRange: "10.2.0.0/30" },
    7,
    /ipRange 10.2.0.0\/30 not in network/,
    /^ipam.ipRange/,
  ],
  [
    "sticky without a key",
    { ...subnet, sticky: true },
    7,
    /Cannot give a sticky address: the container has no name/,
    /K8S_POD_NAME/,
  ],
  [
    "sticky with an empty key",
    { ...subnet, sticky: true },
    7,
    /args.cni.stickyKey/,
    /found ""/,
    { args: { cni: { stickyKey: "" } } },
  ],
  [
    "an unknown order",
    { ...subnet, order: "random" },
    7,
    /ipam.order is not allowed/,
    /allowed: "roundRobin", "lowestFree"/,
  ],
  ["a bad route", { ...subnet, routes: [{ dst: "default" }] }, 7, /ipam.routes\[0\].dst is not allowed/, /CIDR/],
  [
    "a missing resolver file",
    { ...subnet, resolvConf: "/nowhere/resolv.conf" },
    5,
    /Cannot read ipam.resolvConf \/nowhere\/resolv.conf/,
    /^$/,
  ],
];

test.each(bad)(
  "ADD with %s: one clear error, nothing written",
  (_name, ipam, code, message, details, rest = {}, args = "") => {
    const { ipam: _, ...others } = config({}, rest);
    const { status, output } = call("ADD", ipam === undefined ? others : config(ipam, rest), { args });
    expect([status, output.code]).toEqual([1, code]);
    expect(output.msg).toMatch(message);
    expect(output.details ?? "").toMatch(details);
    expect(readdirSync(dataDir)).toEqual([]);
  },
);

test.each(bad)("DEL with %s releases what there is", (_name, ipam, _code, _message, _details, rest = {}, args = "") => {
  give({ subnet: "10.1.0.0/24" });
  const broken = config(ipam ?? {}, rest);
  if (ipam === undefined) broken["ipam"] = { dataDir, subnet: "what?" };
  expect(call("DEL", broken, { args })).toEqual({ status: 0, output: undefined, stderr: "" });
  expect(reserved()).toEqual([]);
});

test("a network's name cannot lead out of the directory", () => {
  for (const name of ["../x", "a/b", "..", ".hidden"]) {
    expect(call("ADD", config(subnet, { name })).output.code).toBe(7);
  }
  expect(readdirSync(dataDir)).toEqual([]);
});

// --- Addresses ----------------------------------------------------------------------------------------------------

test("the result has addresses in the order of the sets, routes and name servers", () => {
  writeFileSync(join(dataDir, "resolv.conf"), "nameserver 192.0.2.53\nsearch example.com\n");
  const routes = [{ dst: "0.0.0.0/0" }, { dst: "fd01::/48", gw: "fd00::9", mtu: 1400, table: 0 }];
  const ipam = {
    ...subnet,
    ranges: [[{ subnet: "fd00::/64" }]],
    routes,
    resolvConf: join(dataDir, "resolv.conf"),
  };
  const runtimeConfig = { ipRanges: [[{ subnet: "192.0.2.0/28", gateway: "192.0.2.14" }]] };
  expect(call("ADD", config(ipam, { runtimeConfig })).output).toEqual({
    cniVersion: "1.1.0",
    ips: [
      { address: "192.0.2.1/28", gateway: "192.0.2.14" },
      { address: "10.1.0.2/29", gateway: "10.1.0.1" },
      { address: "fd00::2/64", gateway: "fd00::1" },
    ],
    routes,
    dns: { nameservers: ["192.0.2.53"], search: ["example.com"] },
  });
  expect(readFileSync(join(dataDir, "net/last_reserved_ip.2"), "utf8")).toBe("fd00::2");
});

test("requests come from all sources, with and without prefix length, keys in any case", () => {
  const ipam = { Ranges: [[{ SUBNET: "10.1.0.0/24" }], [{ subnet: "10.2.0.0/24" }], [{ subnet: "fd00::/64" }]] };
  const rest = { args: { CNI: { ips: ["fd00::77/64", ""] } }, runtimeConfig: { IPs: ["10.2.0.9"] } };
  expect(give(ipam, { args: "IP=10.1.0.8/24" }, rest)).toEqual(["10.1.0.8/24", "10.2.0.9/24", "fd00::77/64"]);
});

test("results of every version", () => {
  const shapes = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"].map((cniVersion) => {
    const { output } = call("ADD", config({ subnet: "10.1.0.0/24" }, { cniVersion }), { id: `c${cniVersion}` });
    expect(output.cniVersion).toBe(cniVersion);
    return output.ip4?.ip ?? output.ips[0].address;
  });
  expect(shapes).toEqual([2, 3, 4, 5, 6, 7, 8].map((n) => `10.1.0.${n}/24`));
});

test("defect 35 of the Go suite: /31 and /127 have one address beside the gateway", () => {
  const ipam = { ranges: [[{ subnet: "10.1.0.6/31" }], [{ subnet: "fd00::6/127" }]] };
  expect(give(ipam)).toEqual(["10.1.0.7/31", "fd00::7/127"]);
  expect(give(ipam, { id: "c2" })).toContain("no IP addresses available in range set: 10.1.0.6-10.1.0.7");
});

test("excluded addresses are passed over", () => {
  const ipam = { subnet: "10.1.0.0/28", exclude: ["10.1.0.2", "10.1.0.4/30"], auxAddresses: { printer: "10.1.0.9" } };
  const given = Array.from({ length: 8 }, (_, i) => give(ipam, { id: `c${i}` }));
  const expected = [3, 8, 10, 11, 12, 13, 14].map((n) => [`10.1.0.${n}/28`]);
  expect(given.slice(0, 7)).toEqual(expected);
  expect(given[7]).toContain("no IP addresses available");
});

test("Docker's ipRange bounds what is given, not what is asked for", () => {
  const ipam = { subnet: "10.1.0.0/24", ipRange: "10.1.0.128/31" };
  expect(give(ipam)).toEqual(["10.1.0.128/24"]);
  expect(give(ipam, { id: "c2", args: "IP=10.1.0.9" })).toEqual(["10.1.0.9/24"]);
  expect(give(ipam, { id: "c3" })).toEqual(["10.1.0.129/24"]);
  expect(give(ipam, { id: "c4" })).toContain("no IP addresses available");
});

test("lowest free gives a released address at once, round robin last of all", () => {
  for (const [order, next] of [
    ["lowestFree", 2],
    ["roundRobin", 4],
  ] as const) {
    const ipam = { subnet: "10.1.0.0/24", order };
    for (const id of ["c1", "c2"]) give(ipam, { id });
    call("DEL", config(ipam));
    expect(give(ipam, { id: "c3" })).toEqual([`10.1.0.${next}/24`]);
    rmSync(join(dataDir, "net"), { recursive: true });
  }
});

test.each([
  ["a pod", {}, "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0"],
  ["a key in CNI_ARGS", {}, "STICKY_KEY=web"],
  ["a key in the configuration", { args: { cni: { stickyKey: "web" } } }, ""],
])("sticky: %s gets its addresses again", (_name, rest, args) => {
  const ipam = { sticky: true, ranges: [[{ subnet: "10.1.0.0/24" }], [{ subnet: "fd00::/64" }]] };
  const add = (id: string, key = args) => give(ipam, { id, args: key }, key === args ? rest : {});
  expect(add("c1")).toEqual(["10.1.0.2/24", "fd00::2/64"]);
  expect(add("c2", "STICKY_KEY=other")).toEqual(["10.1.0.3/24", "fd00::3/64"]);
  call("DEL", config(ipam), { id: "c1" });
  expect(add("c3")).toEqual(["10.1.0.2/24", "fd00::2/64"]);
  // As long as somebody has them, the same name gets others; then those are its own.
  expect(add("c4")).toEqual(
    ["10.1.0.3/24", "fd00::3/64"].map((text) => text.replace("3/", "4/").replace("::3", "::4")),
  );
  for (const id of ["c3", "c4"]) call("DEL", config(ipam), { id });
  expect(add("c5")).toEqual(["10.1.0.4/24", "fd00::4/64"]);
});

// --- DEL, CHECK, GC, STATUS ---------------------------------------------------------------------------------------

test("DEL releases one interface, the older form of a reservation, and nothing of strangers", () => {
  give({ subnet: "10.1.0.0/24" }, { ifname: "eth0" });
  give({ subnet: "10.1.0.0/24" }, { ifname: "eth1" });
  writeFileSync(join(dataDir, "net/10.1.0.50"), "  c7\n");
  writeFileSync(join(dataDir, "net/10.1.0.51"), "c77\r\neth0");
  const del = (id: string, ifname = "eth0") => call("DEL", config({ subnet: "10.1.0.0/24" }), { id, ifname }).status;
  expect([del("c1"), del("c1"), del("c7"), del("unknown")]).toEqual([0, 0, 0, 0]);
  expect(reserved()).toEqual(["10.1.0.3", "10.1.0.51"]);
  expect(readFileSync(join(dataDir, "net/last_reserved_ip.0"), "utf8")).toBe("10.1.0.3");
});

test("DEL of a network that never was makes nothing", () => {
  expect(call("DEL", config(subnet)).status).toBe(0);
  expect(readdirSync(dataDir)).toEqual([]);
});

test("CHECK finds the reservation, and that the attachment's addresses are the reserved ones", () => {
  expect(call("CHECK", config(subnet)).output.msg).toContain("Failed to find address added by container c1");
  const prevResult = call("ADD", config(subnet)).output;
  expect(call("CHECK", config(subnet, { prevResult })).status).toBe(0);
  expect(call("CHECK", config(subnet)).status).toBe(0);
  const foreign = { ...prevResult, ips: [{ address: "192.0.2.1/24" }] };
  expect(call("CHECK", config(subnet, { prevResult: foreign })).status).toBe(0);
  const other = { ...prevResult, ips: [{ address: "10.1.0.5/29" }] };
  expect(call("CHECK", config(subnet, { prevResult: other })).output.msg).toContain("container c1: 10.1.0.5");
  call("DEL", config(subnet));
  expect(call("CHECK", config(subnet, { prevResult })).status).toBe(1);
});

test.each([
  ["cni.dev/valid-attachments", [{ containerID: "c1", ifname: "eth0" }], ["10.1.0.2", "10.1.0.7"]],
  ["cni.dev/attachments", [{ containerID: "c2", ifname: "eth0" }], ["10.1.0.3"]],
  ["cni.dev/valid-attachments", [{ containerID: "c2", ifname: "eth1" }], []],
  ["cni.dev/valid-attachments", [], []],
  ["cni.dev/valid-attachments", null, []],
  ["other", [], []],
])("defect 1 of the Go suite: GC with %s %j keeps %j and nothing else", (key, list, kept) => {
  const ipam = { subnet: "10.1.0.0/24" };
  for (const id of ["c1", "c2", "c3"]) give(ipam, { id });
  writeFileSync(join(dataDir, "net/10.1.0.7"), "c1");
  writeFileSync(join(dataDir, "net/10.1.0.8"), "");
  expect(call("GC", config(ipam, { [key]: list })).status).toBe(0);
  expect(reserved()).toEqual(kept);
  expect(readFileSync(join(dataDir, "net/last_reserved_ip.0"), "utf8")).toBe("10.1.0.4");
  expect(existsSync(join(dataDir, "net/lock"))).toBe(true);
  expect(give(ipam, { id: "c9" })).toEqual(["10.1.0.5/24"]);
});

test("defect 1 of the Go suite: what was reserved before this boot is released on first use, if that is wanted", () => {
  const ipam = { ...subnet, releaseOnBoot: true };
  mkdirSync(join(dataDir, "net"));
  for (const n of [2, 3, 4, 5, 6]) {
    writeFileSync(join(dataDir, `net/10.1.0.${n}`), `old${n}\r\neth0`);
    utimesSync(join(dataDir, `net/10.1.0.${n}`), 1e9, 1e9);
  }
  expect(give(subnet)).toContain("no IP addresses available");
  expect(call("STATUS", config(subnet)).output.code).toBe(50);
  expect(call("STATUS", config(ipam)).status).toBe(0);
  expect(give(ipam)).toEqual(["10.1.0.2/29"]);
  expect(reserved()).toEqual(["10.1.0.2"]);
});

test("STATUS is good before the first ADD, and makes nothing", () => {
  expect(call("STATUS", config(subnet))).toEqual({ status: 0, output: undefined, stderr: "" });
  expect(readdirSync(dataDir)).toEqual([]);
});

test("STATUS tells of exhaustion with numbers", () => {
  const ipam = { ranges: [[{ subnet: "fd00::/64" }], [subnet]] };
  for (let n = 0; n < 5; n++) give(ipam, { id: `c${n}` });
  const { output } = call("STATUS", config(ipam));
  expect(output.code).toBe(50);
  expect(output.msg).toBe("Cannot serve ADD: no IP addresses available in range set 1: 10.1.0.1-10.1.0.6");
  expect(output.details).toBe(`all 5 addresses are reserved in ${join(dataDir, "net")}`);
  call("DEL", config(ipam), { id: "c3" });
  expect(call("STATUS", config(ipam)).status).toBe(0);
});

test("STATUS tells of a directory that cannot be used, of bad ranges and of a missing resolver file", () => {
  expect(call("STATUS", config({ ...subnet, resolvConf: "/nowhere" })).output.code).toBe(50);
  expect(call("STATUS", config({ subnet: "10.1.0.1/24" })).output.code).toBe(7);
  expect(call("STATUS", config({})).output.msg).toContain("no IP ranges specified");
  expect(call("STATUS", config({}, { capabilities: { ipRanges: true } })).status).toBe(0);
  writeFileSync(join(dataDir, "net"), "");
  expect(call("STATUS", config(subnet)).output.code).toBe(50);
});
