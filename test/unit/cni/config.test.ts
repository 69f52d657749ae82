import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import type { FromSchema } from "json-schema-to-ts";
import { describe, expect, test } from "vitest";
import { decodeConfig } from "../../../src/cni/config.ts";
import { CniError } from "../../../src/cni/error.ts";
import { bandwidth, commonKeys, mac, portMappings, route } from "../../../src/cni/schema.ts";

const schema = {
  type: "object",
  required: ["mode"],
  properties: {
    ...commonKeys,
    mtu: { type: "integer", minimum: 0, maximum: 65535 },
    mode: { enum: ["bridge", "vepa"] },
    name2: { type: "string", minLength: 1, maxLength: 15 },
    pattern: { type: "string", pattern: "^[a-z]+$" },
    ids: { type: "array", items: { type: "integer" }, minItems: 1, uniqueItems: true },
    vlan: {
      anyOf: [
        { type: "integer", minimum: 1 },
        { type: "object", properties: { minID: { type: "integer" } } },
      ],
    },
    sealed: { type: "object", properties: { a: { type: "string" } }, additionalProperties: false },
    routes: { type: "array", items: route },
    labels: { type: "object", additionalProperties: { type: "object", properties: { isOn: { type: "boolean" } } } },
    runtimeConfig: { type: "object", properties: { portMappings, bandwidth, mac } },
  },
} as const;

const validate = new Ajv2020({ verbose: true, strict: true, strictTypes: false }).compile<FromSchema<typeof schema>>(
  schema,
);
const decode = (config: object) => decodeConfig(schema, validate, { mode: "bridge", ...config }, "test configuration");

test("the type is the schema's", () => {
  const { mtu, mode, runtimeConfig } = decode({ mtu: 1500 });
  const typed: [number | undefined, "bridge" | "vepa", number | undefined] = [
    mtu,
    mode,
    runtimeConfig?.portMappings?.[0]?.hostPort,
  ];
  expect(typed).toEqual([1500, "bridge", undefined]);
});

describe("keys without regard to case", () => {
  test.each<[given: object, decoded: object]>([
    [{ MTU: 1 }, { mtu: 1 }],
    [{ mtu: 1, MTU: 2 }, { mtu: 2 }],
    [{ MTU: 2, mtu: 1 }, { mtu: 1 }],
    [{ mtu: 1, MTU: null }, { mtu: 1 }],
    [{ mtu: null, dns: null, ids: null }, {}],
    [{ unknownKey: { Mtu: 1 }, Other: null }, { unknownKey: { Mtu: 1 } }],
    [{ DNS: { NameServers: ["a"], Search: null } }, { dns: { nameservers: ["a"] } }],
    [{ VLAN: { MINID: 5 } }, { vlan: { minID: 5 } }],
    [{ vlan: 3 }, { vlan: 3 }],
    [{ labels: { Key: { ISON: true } } }, { labels: { Key: { isOn: true } } }],
    [
      // What containerd sends: go-cni's types carry no JSON names.
      {
        runtimeConfig: {
          portMappings: [{ HostPort: 8080, ContainerPort: 80, Protocol: "tcp", HostIP: "" }],
          bandwidth: { IngressRate: 1, IngressBurst: 4294967295, EgressRate: 0, EgressBurst: 0 },
          PodAnnotations: { A: "b" },
        },
      },
      {
        runtimeConfig: {
          portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "" }],
          bandwidth: { ingressRate: 1, ingressBurst: 4294967295, egressRate: 0, egressBurst: 0 },
          PodAnnotations: { A: "b" },
        },
      },
    ],
  ])("%j", (given, decoded) => {
    expect(decode(given)).toEqual({ mode: "bridge", ...decoded });
  });

  test("what was given is not changed", () => {
    const raw = Object.freeze({ mode: "vepa", MTU: 5, dns: Object.freeze({ Search: null }) });
    expect(decodeConfig(schema, validate, raw, "test configuration")).toEqual({ mode: "vepa", mtu: 5, dns: {} });
  });

  test("__proto__ is a key as any other", () => {
    const config = decode(JSON.parse('{"__proto__":{"mtu":9},"dns":{"__proto__":{"domain":"x"}}}'));
    expect(config.mtu).toBeUndefined();
    expect(Object.getPrototypeOf(config)).toBe(Object.prototype);
    expect(config.dns?.domain).toBeUndefined();
  });
});

describe("an invalid configuration names the path, the value and what is allowed", () => {
  test.each<[given: object, path: string, found: string, allowed: string]>([
    [{ mtu: "big" }, "mtu", '"big"', "an integer from 0 to 65535"],
    [{ MTU: -1 }, "mtu", "-1", "an integer from 0 to 65535"],
    [{ mtu: 1500.5 }, "mtu", "1500.5", "an integer from 0 to 65535"],
    [{ mtu: 2 ** 53 }, "mtu", "9007199254740992", "an integer from 0 to 65535"],
    [{ mode: "l7" }, "mode", '"l7"', '"bridge", "vepa"'],
    [{ mode: null }, "mode", "nothing", '"bridge", "vepa"'],
    [{ name2: "" }, "name2", '""', "a string from 1 to 15 characters"],
    [{ name2: "a".repeat(16) }, "name2", `"${"a".repeat(16)}"`, "a string from 1 to 15 characters"],
    [{ pattern: "A" }, "pattern", '"A"', "a string matching ^[a-z]+$"],
    [{ ids: [1, "2"] }, "ids[1]", '"2"', "an integer"],
    [{ ids: [1, 1] }, "ids", "[1,1]", "an array"],
    [{ ids: [] }, "ids", "[]", "an array of at least 1 items"],
    [{ vlan: "x" }, "vlan", '"x"', "an integer of at least 1, or an object"],
    [{ vlan: { minID: "x" } }, "vlan.minID", '"x"', "an integer"],
    [{ sealed: { b: 1 } }, "sealed.b", "1", "only a"],
    [{ routes: [{ gw: "10.0.0.1" }] }, "routes[0].dst", "nothing", "a string"],
    [{ dns: [] }, "dns", "[]", "an object"],
    [{ capabilities: { "io.k8s/a": "yes" } }, "capabilities.io.k8s/a", '"yes"', "a boolean"],
    [
      { runtimeConfig: { portMappings: [{ HostPort: 99999, ContainerPort: 1 }] } },
      "runtimeConfig.portMappings[0].hostPort",
      "99999",
      "an integer from 0 to 65535",
    ],
  ])("%j", (given, path, found, allowed) => {
    const problem = found === "nothing" ? "is missing" : "is not allowed";
    expect(() => decode(given)).toThrow(
      expect.objectContaining({
        code: 7,
        message: `Cannot read test configuration: ${path} ${problem}`,
        details: expect.stringContaining(`${path}: found ${found}, allowed: ${allowed}`),
      }),
    );
  });

  test("long values are cut", () => {
    const long = () => decode({ mtu: "x".repeat(10_000) });
    expect(long).toThrow(expect.objectContaining({ details: expect.stringMatching(/^.{0,250}$/) }));
  });
});

test("any object is a configuration or one CniError 7", () => {
  const key = fc.constantFrom(...Object.keys(schema.properties), "MTU", "Dns", "__proto__", "constructor");
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 4 })), (config) => {
      try {
        const decoded = decode(config);
        expect(validate(decoded)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(CniError);
        expect(error).toMatchObject({ code: 7, message: expect.stringMatching(/^Cannot read test configuration: \S/) });
      }
    }),
  );
});
