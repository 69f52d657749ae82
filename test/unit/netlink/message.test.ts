import fc from "fast-check";
import { expect, test } from "vitest";
import { readError } from "../../../src/netlink/acknowledgement.ts";
import { attributes } from "../../../src/netlink/attributes.ts";
import { u8, u16, u32 } from "../../../src/netlink/codec.ts";
import { NetlinkError, unless } from "../../../src/netlink/error.ts";
import { body, type Message, readMessages } from "../../../src/netlink/message.ts";
import { struct } from "../../../src/netlink/struct.ts";
import { Writer } from "../../../src/netlink/writer.ts";
import { linkBody } from "../../../src/rtnetlink/link.ts";
import { routeBody } from "../../../src/rtnetlink/route.ts";
import { answers, errors } from "../rtnetlink/captures.ts";
import { onlyMessage } from "../rtnetlink/compare.ts";

test("several messages in one buffer, each aligned to four bytes", () => {
  const out = new Writer();
  for (const [i, length] of [0, 1, 5].entries()) {
    out.message({ type: 20 + i, flags: i, sequence: 100 + i }, () => out.raw(Buffer.alloc(length, i)));
  }
  expect(Array.from(readMessages(out.bytes), (m) => ({ ...m, body: [...m.body] }))).toEqual([
    { type: 20, flags: 0, sequence: 100, body: [] },
    { type: 21, flags: 1, sequence: 101, body: [1] },
    { type: 22, flags: 2, sequence: 102, body: [2, 2, 2, 2, 2] },
  ]);
});

test("a buffer grows with what is written into it", () => {
  const out = new Writer();
  out.message({ type: 16, flags: 0, sequence: 1 }, () => {
    for (let i = 0; i < 2000; i++) out.attribute(i + 1, () => out.u32(i));
  });
  expect(out.length).toBe(16 + 2000 * 8);
  expect(onlyMessage(out.bytes).body.readUInt32LE(1999 * 8 + 4)).toBe(1999);
});

const header = struct({ family: u8, _pad: u8, type: u16, index: u32 });

test("what is left out of a struct is zero, its padding is not read", () => {
  const out = new Writer();
  body(header, attributes({ mtu: [4, u32] })).encode({ index: 5, mtu: 1400 }, out);
  expect(out.bytes.toString("hex")).toBe("0000000005000000" + "0800040078050000");
  const bytes = Buffer.from("02ff010005000000", "hex");
  expect(header.decode(bytes)).toEqual({ family: 2, type: 1, index: 5 });
});

const hostile: [what: string, hex: string][] = [
  ["length 0", "00000000100000000000000000000000"],
  ["length less than its header", "0f000000100000000000000000000000"],
  ["length past the end", "11000000100000000000000000000000"],
  ["greatest length", "ffffffff100000000000000000000000"],
  ["second message cut off", "100000001000000000000000000000002000000010000000000000000000000000"],
];

test.each(hostile)("hostile messages are a RangeError: %s", (_, hex) => {
  expect(() => [...readMessages(Buffer.from(hex, "hex"))]).toThrow(RangeError);
});

test("a struct that is cut off is a RangeError", () => {
  const { body: whole } = onlyMessage(answers.loopback);
  for (let length = 0; length < 16; length++) {
    expect(() => linkBody.decode(whole.subarray(0, length))).toThrow(RangeError);
  }
});

test("whatever stands in a link's or a route's message: a value or a RangeError, and soon", () => {
  const captured = [answers["veth that is a port of a bridge"], answers.bridge, answers.multipath].map(onlyMessage);
  const mutations = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.constantFrom(...captured), mutations, fc.nat(), ({ type, body }, changes, cut) => {
      const bytes = Buffer.from(body.subarray(0, cut % 3 === 0 ? cut % body.length : body.length));
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      try {
        (type === 16 ? linkBody : routeBody).decode(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 3000 },
  );
});

test.each([
  ["of length 0", "0000000005000000"],
  ["shorter than its header", "0700000005000000"],
  ["past the end", "ff00000005000000"],
])("a next hop %s is a RangeError", (_, hop) => {
  const RTA_MULTIPATH = Buffer.from("0c000900", "hex");
  const bytes = Buffer.concat([Buffer.alloc(12), RTA_MULTIPATH, Buffer.from(hop, "hex")]);
  expect(() => routeBody.decode(bytes)).toThrow(RangeError);
});

const refused: [name: keyof typeof errors, code: string, message: string][] = [
  ["taken name", "EEXIST", "Cannot do it: File exists"],
  ["no such kind", "EOPNOTSUPP", "Cannot do it: Operation not supported (Unknown device type)"],
  ["bad MTU", "EINVAL", "Cannot do it: Invalid argument (mtu greater than device maximum)"],
  ["no route", "ENETUNREACH", "Cannot do it: Network is unreachable (Nexthop has invalid gateway)"],
  ["no device", "ENODEV", "Cannot do it: No such device"],
];

test.each(refused)("the kernel's error, with its own explanation where it gives one: %s", (name, code, message) => {
  const error = readError("do it", onlyMessage(errors[name]));
  expect(error).toBeInstanceOf(NetlinkError);
  expect(error).toMatchObject({ code, message });
});

test("the explanation is found after the request, too, where the kernel sends all of it back", () => {
  // NETLINK_CAP_ACK off: flags NLM_F_ACK_TLVS without NLM_F_CAPPED.
  const request = Buffer.from("14000000100005000100000000000000aabbccdd", "hex");
  const errno = Buffer.alloc(4);
  errno.writeInt32LE(-22);
  const explanation = Buffer.from("0700010077687900", "hex");
  const message = { type: 2, flags: 0x200, sequence: 1, body: Buffer.concat([errno, request, explanation]) };
  expect(readError("ask", message)?.explanation).toBe("why");
});

test("number 0 is an acknowledgement, and the end of a dump", () => {
  for (const type of [2, 3]) expect(readError("ask", answer(type, Buffer.alloc(4)))).toBeUndefined();
  expect(readError("ask", answer(3, Buffer.alloc(0)))).toBeUndefined();
});

test("an error message that is cut off is a RangeError", () => {
  const errno = Buffer.from("eaffffff", "hex");
  expect(() => readError("ask", answer(2, errno))).toThrow(RangeError);
});

function answer(type: number, body: Buffer): Message {
  return { type, flags: 0, sequence: 1, body };
}

test("unless: what is gone or there already gives undefined, other errors pass", () => {
  const refuse = (errno: number) => () => {
    throw new NetlinkError("try", errno);
  };
  expect(unless(["ENODEV", "ESRCH"], refuse(19))).toBeUndefined();
  expect(unless(["EOPNOTSUPP"], refuse(95))).toBeUndefined();
  expect(() => unless(["ENODEV"], refuse(17))).toThrow("Cannot try: File exists");
  expect(unless(["ENODEV"], () => 5)).toBe(5);
  expect(() =>
    unless(["ENODEV"], () => {
      throw new TypeError("mine");
    }),
  ).toThrow(TypeError);
});
