import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { abridge } from "../faults/snapshot.ts";
import { type Answer, judge } from "./answer.ts";
import { applyCut, cut } from "./mutations.ts";
import { runs, seed } from "./options.ts";
import { bin, type Stage, setStage } from "./stage.ts";

// What others put where a plugin keeps or looks for its files.

let stage: Stage;
const state = () => stage.host.state;
const victim = "/run/tmp/victim";

beforeEach(() => {
  writeFileSync(victim, "as it was");
});
afterEach(() => {
  stage[Symbol.dispose]();
  rmSync("/run/berth", { recursive: true, force: true });
  expect(readFileSync(victim, "utf8")).toBe("as it was");
});

type Config = Readonly<Record<string, unknown>>;

function call(verb: string, plugin: string, config: Config = stage.config): Answer {
  return stage.run(`${bin}/${plugin}`, JSON.stringify(config), { ...stage.env, CNI_COMMAND: verb });
}

const hostLocal = () => ({
  cniVersion: "1.1.0",
  name: "net",
  ipam: { type: "host-local", dataDir: `${state()}/networks`, ranges: [[{ subnet: "10.1.0.0/29" }]] },
});

const messageOf = ({ stdout }: Answer): string => (JSON.parse(stdout) as { msg: string }).msg;

function expectRefusal(answer: Answer, message: RegExp): void {
  expect(judge(answer)).toBeUndefined();
  expect(answer.status).toBe(1);
  expect(messageOf(answer)).toMatch(message);
}

describe("the state directory", () => {
  const bridge = () => {
    stage = setStage("bridge");
    rmSync("/run/berth", { recursive: true });
  };

  test.each([
    ["a link", () => symlinkSync("/run/tmp", "/run/berth")],
    ["a file", () => writeFileSync("/run/berth", "")],
    [
      "somebody else's",
      () => {
        mkdirSync("/run/berth", { mode: 0o700 });
        chownSync("/run/berth", 1000, 1000);
      },
    ],
    [
      "one that everybody may write to",
      () => {
        mkdirSync("/run/berth");
        chmodSync("/run/berth", 0o777);
      },
    ],
  ])("%s is refused, and nothing is done", (_, make) => {
    bridge();
    make();
    const before = readdirSync("/run/tmp");
    expectRefusal(
      call("ADD", "bridge"),
      /Cannot keep state in \/run\/berth: it is not a directory of this user's alone/,
    );
    expect(readdirSync("/run/tmp")).toEqual(before);
    rmSync("/run/berth", { recursive: true });
    expect(stage.leftovers()).toEqual([]);
  });

  test("a link for one of its directories is refused", () => {
    bridge();
    mkdirSync("/run/berth", { mode: 0o700 });
    symlinkSync("/run/tmp", "/run/berth/locks");
    expectRefusal(call("ADD", "bridge"), /Cannot keep state in \/run\/berth\/locks/);
  });

  test.each(["0000", "0022"])(
    "under umask %s, all is the owner's alone, but host-local's directory, as the Go suite has it",
    (umask) => {
      bridge();
      rmSync(`${state()}/networks`, { recursive: true });
      const run = (plugin: string, config: Config) =>
        stage.run("sh", JSON.stringify(config), stage.env, ["-c", `umask ${umask}; exec ${bin}/${plugin}`]);
      const added = run("bridge", stage.config);
      expect(added).toMatchObject({ status: 0 });
      run("tuning", {
        ...stage.config,
        type: "tuning",
        mtu: 1300,
        dataDir: `${state()}/backups`,
        prevResult: JSON.parse(added.stdout),
      });
      const modes = ["/run/berth", `${state()}/networks`, `${state()}/backups`].flatMap((directory) =>
        spawnSync("find", [directory, "-printf", "%m %y %f\n"], { encoding: "utf8" }).stdout.trim().split("\n"),
      );
      expect(modes).toContain("600 f 10.1.0.10");
      expect(modes).toContain("600 f pod_eth0.json");
      expect(modes.filter((line) => !/^(700 d|600 f) /.test(line)).sort()).toEqual([
        "750 f lock",
        "755 d net",
        "755 d networks",
      ]);
      call("DEL", "bridge");
    },
  );
});

describe("host-local's directory", () => {
  const network = () => `${state()}/networks/net`;
  const fresh = () => {
    stage = setStage("host-local");
    rmSync(`${state()}/networks`, { recursive: true });
    mkdirSync(network(), { recursive: true });
  };
  const add = () => call("ADD", "host-local", hostLocal());
  const firstAddress = ({ stdout }: Answer) => (JSON.parse(stdout) as { ips: { address: string }[] }).ips[0]?.address;

  test("a link in its place is refused, and nothing is written behind it", () => {
    fresh();
    rmSync(network(), { recursive: true });
    mkdirSync("/run/tmp/elsewhere", { recursive: true });
    symlinkSync("/run/tmp/elsewhere", network());
    expectRefusal(add(), /Cannot use .*: not a directory/);
    expect(readdirSync("/run/tmp/elsewhere")).toEqual([]);
  });

  test("somebody else's is refused", () => {
    fresh();
    chownSync(network(), 1000, 1000);
    expectRefusal(add(), /it belongs to another user/);
  });

  test.each(["10.1.0.2", "last_reserved_ip.0", "unfinished", "../.net.index", "../.net.index.new", "lock"])(
    "a link for %s is not followed",
    (name) => {
      fresh();
      symlinkSync(victim, join(network(), name));
      expect(judge(add())).toBeUndefined();
      expect(judge(call("CHECK", "host-local", hostLocal()))).toBeUndefined();
      expect(judge(call("DEL", "host-local", hostLocal()))).toBeUndefined();
    },
  );

  test.each(["10.1.0.2", "last_reserved_ip.0", "unfinished", "../.net.index", "../.net.index.new", "lock"])(
    "nobody waits for a FIFO that is called %s",
    (name) => {
      fresh();
      spawnSync("mkfifo", [join(network(), name)]);
      for (const verb of ["ADD", "CHECK", "DEL", "GC", "STATUS"])
        expect(judge(call(verb, "host-local", hostLocal()))).toBeUndefined();
    },
  );

  test("nor for a resolv.conf that is one, or that never ends", () => {
    fresh();
    spawnSync("mkfifo", [`${state()}/fifo`]);
    for (const resolvConf of [`${state()}/fifo`, "/dev/zero", "/dev/full", state()]) {
      const config = { ...hostLocal(), ipam: { ...hostLocal().ipam, resolvConf } };
      expectRefusal(call("ADD", "host-local", config), /Cannot read ipam.resolvConf/);
    }
  });

  test("reservations of any content: no address twice, and what is not this container's stays", () => {
    fresh();
    const contents = [
      "",
      "\0".repeat(30),
      "x".repeat(2 << 20),
      "pod",
      "pod\r\neth1",
      "other\r\neth0",
      "\r\n",
      "\xff\xfe",
      "../..\r\neth0",
    ];
    for (const content of contents) {
      rmSync(network(), { recursive: true });
      mkdirSync(network());
      writeFileSync(join(network(), "10.1.0.2"), content, "latin1");
      const added = add();
      expect(judge(added)).toBeUndefined();
      const isNobodys = content.replace(/^\0+$/, "").trim() === "";
      if (added.status === 0) expect(firstAddress(added)).toBe(isNobodys ? "10.1.0.2/29" : "10.1.0.3/29");
      expect(judge(call("DEL", "host-local", hostLocal()))).toBeUndefined();
      expect(existsSync(join(network(), "10.1.0.2"))).toBe(!isNobodys && content !== "pod");
    }
  });

  test(`an index with other bytes: no address twice, each released (seed ${seed})`, () => {
    fresh();
    const index = `${state()}/networks/.net.index`;
    const ask = (verb: string, id: string) =>
      stage.run(`${bin}/host-local`, JSON.stringify(hostLocal()), {
        ...stage.env,
        CNI_COMMAND: verb,
        CNI_CONTAINERID: id,
      });
    const reservations = () => readdirSync(network()).filter((name) => /^10\./.test(name));
    for (const changes of fc.sample(fc.array(cut, { minLength: 1, maxLength: 20 }), {
      seed,
      numRuns: Math.ceil(runs / 6),
    })) {
      ask("ADD", "first");
      if (existsSync(index)) {
        const bytes = readFileSync(index);
        // What stands in a changed index must be as long as it was to be looked at again.
        const changed = changes.reduce((all, { at, bytes: by }) => {
          const copy = Buffer.from(all);
          copy.set(by, at % (copy.length - 4));
          return copy;
        }, bytes);
        writeFileSync(index, changes.length % 5 === 0 ? changes.reduce(applyCut, bytes as Uint8Array) : changed);
      }
      for (const id of ["second", "third"]) expect(judge(ask("ADD", id))).toBeUndefined();
      expect(reservations()).toHaveLength(3);
      for (const id of ["first", "second", "third"]) expect(judge(ask("DEL", id))).toBeUndefined();
      expect(reservations()).toEqual([]);
    }
  });
});

/** Other bytes in a file, one after the other, each from what it was. */
function forEachMutation(path: string, body: () => void): void {
  const valid = readFileSync(path);
  const some = fc.sample(fc.array(cut, { minLength: 1, maxLength: 3 }), { seed, numRuns: Math.ceil(runs / 3) });
  const chosen = [
    "",
    "null",
    "[]",
    "{}",
    "[[]]",
    "\0",
    '{"peers": 1}',
    "[".repeat(100_000),
    `{"parts": {"bridge": {}}}`,
  ];
  for (const content of [
    ...chosen.map((text) => Buffer.from(text)),
    ...some.map((cuts) => cuts.reduce(applyCut, valid)),
  ]) {
    writeFileSync(path, content);
    body();
  }
  writeFileSync(path, valid);
}

describe("the list of peers of an overlay", () => {
  const file = () => `${state()}/peers.json`;
  const config = () => ({ ...stage.config, peersFile: file(), peers: undefined });
  const attempt = () => {
    const added = call("ADD", "vxlan", config());
    expect(judge(added)).toBeUndefined();
    if (added.status === 0) expect(call("DEL", "vxlan", config()).status).toBe(0);
    return added;
  };

  test(`other bytes: all or nothing (seed ${seed})`, () => {
    stage = setStage("vxlan");
    writeFileSync(file(), JSON.stringify(stage.config["peers"]));
    forEachMutation(file(), attempt);
    rmSync(file());
    const left = stage.leftovers();
    expect(left, abridge(left)).toEqual([]);
  });

  test("a FIFO, a device, a directory: refused at once", () => {
    stage = setStage("vxlan");
    spawnSync("mkfifo", [file()]);
    expectRefusal(attempt(), /not a regular file/);
    rmSync(file());
    symlinkSync("/dev/zero", file());
    expectRefusal(attempt(), /not a regular file/);
    rmSync(file());
    mkdirSync(file());
    expectRefusal(attempt(), /not a regular file/);
  });

  test("10 MB of peers that overlap are refused at once", () => {
    stage = setStage("vxlan");
    const peers = Array.from({ length: 120_000 }, (_, i) => ({
      ip: `172.${16 + (i >> 16)}.${(i >> 8) % 256}.${i % 256}`,
      subnet: `10.${i >> 16}.${(i >> 8) % 256}.${i % 256}/32`,
    }));
    writeFileSync(file(), JSON.stringify([...peers, { ip: "192.0.2.9", subnet: "10.0.0.0/8" }]));
    expectRefusal(attempt(), /Cannot read list of peers: peers\[\d+\].subnet is not allowed|Cannot read list of peers/);
  });
});

describe("the records of what is published", () => {
  const published = "/run/berth/published/net";

  test(`other bytes: DEL and GC succeed, and nothing is left (seed ${seed})`, () => {
    stage = setStage("bridge");
    expect(call("ADD", "bridge")).toMatchObject({ status: 0 });
    const [name = ""] = readdirSync(published);
    forEachMutation(join(published, name), () => {
      for (const verb of ["CHECK", "STATUS"]) expect(judge(call(verb, "bridge"))).toBeUndefined();
      const reloaded = stage.run(`${bin}/cnitool`, "", stage.env, ["firewall", "reload"]);
      expect(judge({ ...reloaded, status: 0, stdout: "" })).toBeUndefined();
    });
    writeFileSync(join(published, name), "{");
    expect(call("DEL", "bridge")).toMatchObject({ status: 0 });
    expect(call("GC", "bridge")).toMatchObject({ status: 0 });
    const left = stage.leftovers();
    expect(left, abridge(left)).toEqual([]);
  });

  test("neither a link nor a FIFO in their place is followed, or waited for", () => {
    stage = setStage("bridge");
    mkdirSync(published, { recursive: true, mode: 0o700 });
    for (const path of ["/run/berth/published/.new", `${published}/pod:eth0`]) symlinkSync(victim, path);
    expect(judge(call("ADD", "bridge"))).toBeUndefined();
    expect(judge(call("DEL", "bridge"))).toBeUndefined();
    mkdirSync(published, { recursive: true, mode: 0o700 });
    for (const path of ["/run/berth/published/.new", `${published}/pod:eth0`]) {
      rmSync(path, { force: true });
      spawnSync("mkfifo", [path]);
    }
    for (const verb of ["ADD", "CHECK", "DEL", "GC"]) expect(judge(call(verb, "bridge"))).toBeUndefined();
    rmSync("/run/berth/published", { recursive: true, force: true });
    mkdirSync("/run/tmp/elsewhere", { recursive: true });
    mkdirSync("/run/berth/published", { mode: 0o700 });
    symlinkSync("/run/tmp/elsewhere", published);
    expectRefusal(call("ADD", "bridge"), /Cannot keep state in/);
    expect(readdirSync("/run/tmp/elsewhere")).toEqual([]);
  });
});

describe("tuning's backups", () => {
  const backup = () => `${state()}/tuning/pod_eth0.json`;

  test(`other bytes: DEL succeeds, and what it writes is a setting (seed ${seed})`, () => {
    stage = setStage("tuning");
    expect(call("ADD", "tuning")).toMatchObject({ status: 0 });
    const valid = readFileSync(backup(), "utf8");
    forEachMutation(backup(), () => {
      const content = readFileSync(backup());
      expect(judge(call("DEL", "tuning"))).toBeUndefined();
      writeFileSync(backup(), content);
    });
    for (const path of ["../../run/tmp/victim", "net/../../../run/tmp/victim", "kernel/hostname", "/run/tmp/victim"]) {
      writeFileSync(backup(), JSON.stringify({ network: "net", sysctl: { [path]: "overwritten" } }));
      expect(judge(call("DEL", "tuning"))).toBeUndefined();
    }
    writeFileSync(backup(), valid);
    expect(call("DEL", "tuning")).toMatchObject({ status: 0 });
  });

  test("a link for one is not followed for writing, and a FIFO not waited for", () => {
    stage = setStage("tuning");
    symlinkSync(victim, `${state()}/tuning/.pod_eth0+net`);
    symlinkSync(victim, backup());
    expect(call("ADD", "tuning")).toMatchObject({ status: 0 });
    expect(call("DEL", "tuning")).toMatchObject({ status: 0 });
    spawnSync("mkfifo", [backup()]);
    for (const verb of ["ADD", "DEL", "GC"]) expect(judge(call(verb, "tuning"))).toBeUndefined();
  });
});

describe("cnitool's cache", () => {
  const cache = () => `${state()}/cache`;
  const results = () => `${cache()}/results`;
  const file = () => `${results()}/net-pod-eth0`;
  const tool = (command: string, ...more: string[]) => {
    const target = command === "gc" ? [] : ["--container-id", "pod"];
    const args = [command, "net", stage.netns, "--cache-dir", cache(), ...target, ...more];
    return stage.run(`${bin}/cnitool`, "", { ...stage.env, NETCONFPATH: `${state()}/conf` }, args);
  };
  const prepare = () => {
    stage = setStage("bridge");
    const { cniVersion, name, prevResult: _, runtimeConfig: __, ...plugin } = stage.config;
    mkdirSync(`${state()}/conf`);
    writeFileSync(`${state()}/conf/net.conflist`, JSON.stringify({ cniVersion, name, plugins: [plugin] }));
  };
  /** A tool writes its errors for people, in one line. */
  const expectLine = ({ status, stderr }: Answer) => {
    expect(
      judge({ status, stdout: status === 0 ? "" : '{"cniVersion": "1", "code": 1, "msg": "x"}', stderr }),
    ).toBeUndefined();
  };

  test(`other bytes: CHECK says so, DEL and GC succeed (seed ${seed})`, () => {
    prepare();
    expect(tool("add")).toMatchObject({ status: 0 });
    forEachMutation(file(), () => expectLine(tool("check")));
    const entry = JSON.parse(readFileSync(file(), "utf8"));
    const changes = {
      cniArgs: [1, null, ["a"], {}],
      capabilityArgs: [],
      netns: 5,
      containerId: "../../x",
      ifName: "../y",
    };
    for (const [key, value] of Object.entries(changes)) {
      writeFileSync(file(), JSON.stringify({ ...entry, [key]: value }));
      expectLine(tool("check"));
      expectLine(tool("gc"));
    }
    writeFileSync(file(), "{");
    expect(tool("del")).toMatchObject({ status: 0 });
    for (const directory of ["conf", "cache"]) rmSync(`${state()}/${directory}`, { recursive: true });
    const left = stage.leftovers();
    expect(left, abridge(left)).toEqual([]);
  });

  test("a link is replaced, not written through, and a FIFO not waited for", () => {
    prepare();
    mkdirSync(results(), { recursive: true });
    symlinkSync(victim, file());
    expect(tool("add")).toMatchObject({ status: 0 });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    rmSync(file());
    spawnSync("mkfifo", [file()]);
    expectLine(tool("check"));
    expectLine(tool("gc"));
    expect(tool("del")).toMatchObject({ status: 0 });
  });
});

test(`cnitool: network lists of other bytes, arguments that mean harm: one line of error, and nothing is left (seed ${seed})`, () => {
  stage = setStage("bridge");
  const { cniVersion, name, prevResult: _, runtimeConfig: __, ...plugin } = stage.config;
  const list = `${state()}/conf/net.conflist`;
  const capabilities = { portMappings: true, bandwidth: true };
  mkdirSync(`${state()}/conf`);
  writeFileSync(list, JSON.stringify({ cniVersion, name, plugins: [{ ...plugin, capabilities }] }));
  const tool = (args: readonly string[], env = {}) => {
    const variables = { ...stage.env, NETCONFPATH: `${state()}/conf`, ...env };
    const options = ["--cache-dir", `${state()}/cache`, "--container-id", "pod"];
    const answer = stage.run(`${bin}/cnitool`, "", variables, args[0] === "validate" ? args : [...args, ...options]);
    const error = '{"cniVersion": "1", "code": 1, "msg": "x"}';
    expect(judge({ ...answer, stdout: answer.status === 0 ? "" : error })).toBeUndefined();
    return answer.status;
  };
  const attempt = (env = {}) => {
    if (tool(["add", "net", stage.netns], env) === 0) expect(tool(["del", "net", stage.netns])).toBe(0);
  };
  forEachMutation(list, () => {
    tool(["validate", list]);
    // Where a list says that something else is to be done elsewhere, that is done.
    if (readFileSync(list, "utf8").includes(`"dataDir":"${state()}/networks"`)) attempt();
  });
  for (const CAP_ARGS of [
    "[]",
    "{",
    '{"portMappings": 1}',
    '{"__proto__": 1}',
    '{"bandwidth": {"ingressRate": 1e400}}',
  ])
    attempt({ CAP_ARGS });
  for (const CNI_ARGS of [";", "=", "a", "a=b=c", "IP=\u00e9", "../x=../y"]) attempt({ CNI_ARGS });
  for (const args of [
    ["add"],
    ["add", "../net", "/"],
    ["add", "net", "../../x"],
    ["gc", "\u0085"],
    ["__proto__"],
    ["del", "-", "-"],
  ])
    tool(args);
  for (const directory of ["conf", "cache"]) rmSync(`${state()}/${directory}`, { recursive: true, force: true });
  const left = stage.leftovers();
  expect(left, abridge(left)).toEqual([]);
});

test("no command line is made of input: iptables gets each text as one argument", () => {
  stage = setStage("firewall");
  const log = `${state()}/arguments`;
  mkdirSync(`${state()}/bin`);
  for (const program of ["iptables", "ip6tables"]) {
    const script = `#!/bin/sh\nprintf '%s\\0' "$0" "$@" >>${log}; printf '\\n' >>${log}\n`;
    writeFileSync(`${state()}/bin/${program}`, script, { mode: 0o755 });
  }
  const ifname = "'$(id);-jA\"\\";
  const env = { ...stage.env, PATH: `${state()}/bin:${stage.env["PATH"]}`, CNI_IFNAME: ifname };
  const config = { ...stage.config, backend: "iptables", name: "net.-j_ACCEPT" };
  expect(stage.run(`${bin}/firewall`, JSON.stringify(config), env)).toMatchObject({ status: 0 });
  const calls = readFileSync(log, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\0").slice(1, -1));
  const marked = calls.filter((args) => args.some((arg) => arg.includes("berth/")));
  expect(marked.length).toBeGreaterThan(0);
  for (const args of marked) expect(args).toContain(`berth/net.-j_ACCEPT/pod/${ifname}`);
  for (const name of ["-j ACCEPT", "a b", "a;b", "$(id)", "--help"]) {
    const refused = stage.run(`${bin}/firewall`, JSON.stringify({ ...config, name }), env);
    expectRefusal(refused, /invalid characters found in network name/);
  }
  for (const iptablesAdminChainName of ["-j", "-j ACCEPT", "A B", "!A"]) {
    const refused = stage.run(`${bin}/firewall`, JSON.stringify({ ...config, iptablesAdminChainName }), env);
    expectRefusal(refused, /iptablesAdminChainName is not allowed/);
  }
});
