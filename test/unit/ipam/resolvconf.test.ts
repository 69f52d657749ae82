import { expect, test } from "vitest";
import { parseResolvConf } from "../../../src/ipam/resolvconf.ts";

test("reads all that the Go suite reads", () => {
  const text = `
# comment
; comment
  nameserver 192.0.2.1 192.0.2.9
nameserver\t2001:db8::1
domain old.example
domain  example.com
search example.net  example.org
search example.com
options ndots:5
options debug  edns0
sortlist 192.0.2.0/24
nameserver
`;
  expect(parseResolvConf(text)).toEqual({
    nameservers: ["192.0.2.1", "2001:db8::1"],
    domain: "example.com",
    search: ["example.net", "example.org", "example.com"],
    options: ["ndots:5", "debug", "edns0"],
  });
});

test("nothing in it is nothing in the result", () => {
  expect(parseResolvConf("")).toEqual({ nameservers: [], search: [], options: [] });
});
