import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Address } from "../../../src/ip/address.ts";
import { Writer } from "../../../src/netlink/writer.ts";
import { addElements, deleteElements } from "../../../src/nftables/elements.ts";
import {
  type DataTypeName,
  decodeFields,
  encodeFields,
  sizeOf,
  typeID,
  type Value,
} from "../../../src/nftables/types.ts";
import { comment, maxCommentLength } from "../../../src/nftables/userdata.ts";

const table = { family: "inet", name: "t" } as const;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const fields: Record<string, fc.Arbitrary<Value>> = {
  ipv4_addr: fc.bigInt(0n, 2n ** 32n - 1n).map((value) => new Address(4, value)),
  inet_proto: fc.integer({ min: 0, max: 255 }),
  inet_service: fc.integer({ min: 0, max: 65535 }),
  ifname: fc.stringMatching(/^[a-z0-9.-]{1,15}$/),
  ether_addr: fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => hex(bytes).match(/../g)?.join(":") ?? ""),
  mark: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
};

describe("fields of keys", () => {
  test("come back as they were", () => {
    const key = fc
      .array(fc.constantFrom(...Object.keys(fields)), { minLength: 1, maxLength: 5 })
      .chain((types) =>
        fc.tuple(fc.constant(types), fc.tuple(...types.map((type) => fields[type] as fc.Arbitrary<Value>))),
      );
    fc.assert(
      fc.property(key, ([types, values]) => {
        const names = types as DataTypeName[];
        const bytes = encodeFields(names, values);
        expect(bytes.length).toBe(sizeOf(names));
        expect(decodeFields(names, bytes).map(String)).toEqual(values.map(String));
      }),
    );
  });

  test("one alone takes its own bytes, several four each or more", () => {
    expect(sizeOf(["inet_service"])).toBe(2);
    expect(sizeOf(["inet_proto", "inet_service"])).toBe(8);
    expect(sizeOf(["ifname", "ether_addr"])).toBe(24);
    // What `nft list` knows as `inet_proto . inet_service`.
    expect(typeID(["inet_proto", "inet_service"])).toBe((12 << 6) | 13);
    expect(hex(encodeFields(["inet_proto", "inet_service"], [6, 8080]))).toBe("060000001f900000");
  });
});

describe("elements", () => {
  const written = (request: ReturnType<typeof addElements>) => {
    const out = new Writer();
    request.write(out);
    return hex(out.bytes);
  };
  const networks = { name: "n", key: ["ipv4_addr"], interval: true } as const;
  const range = { key: [Address.parse("10.1.0.0")], keyEnd: [Address.parse("10.1.0.255")] };

  test("a range of one field ends with the key after its last", () => {
    const text = written(addElements(table, networks, [range]));
    expect(text).toContain("0a010000");
    // The end: key 10.1.1.0 with NFT_SET_ELEM_INTERVAL_END.
    expect(text).toMatch(/0a010100.*0800030000000001/);
  });

  test("a range to the last key of all has no end", () => {
    const all = { key: [Address.parse("240.0.0.0")], keyEnd: [Address.parse("255.255.255.255")] };
    expect(written(addElements(table, networks, [all]))).not.toContain("0800030000000001");
  });

  test("only keys are deleted: data and comment stay out of it", () => {
    const map = { name: "m", key: ["inet_service"], data: ["ipv4_addr"] } as const;
    const element = { key: [80], data: [Address.parse("10.9.9.9")], comment: "owner" };
    expect(written(addElements(table, map, [element]))).toContain(hex(Buffer.from("owner")));
    expect(written(deleteElements(table, map, [element]))).not.toMatch(/0a090909|6f776e6572/);
  });
});

describe("comments", () => {
  test("are as nft writes them", () => {
    const out = new Writer();
    comment().encode("own", out);
    expect(hex(out.bytes)).toBe("00046f776e00");
    expect(comment().decode(out.bytes)).toBe("own");
    expect(comment(7).decode(Buffer.from("000400000000" + "0704616263" + "00", "hex"))).toBe("abc");
  });

  test("are cut where the kernel's room ends", () => {
    const out = new Writer();
    comment().encode("x".repeat(300), out);
    expect(out.length).toBe(256);
    expect(comment().decode(out.bytes)).toBe("x".repeat(maxCommentLength));
  });

  test("hostile bytes are no comment", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => typeof comment().decode(Buffer.from(bytes)) === "string"));
  });
});
