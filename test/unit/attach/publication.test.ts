import { describe, expect, test } from "vitest";
import { entriesOf, nameOf } from "../../../src/attach/firewall/entries.ts";
import { readMappings } from "../../../src/attach/firewall/mappings.ts";
import { type Publication, readPublication } from "../../../src/attach/firewall/publication.ts";
import { Address } from "../../../src/ip/address.ts";
import { Prefix } from "../../../src/ip/prefix.ts";

const owner = { network: "one", containerID: "c1", ifname: "eth0" };
const dual = [Prefix.parse("10.1.0.2/24"), Prefix.parse("fd00:1::2/64")];

function names(publication: Publication): string[] {
  return entriesOf(owner, publication).map(nameOf).sort();
}

describe("what a publication is in the tables", () => {
  test("masquerading: an element per address, which jumps to its subnet's chain", () => {
    const entries = entriesOf(owner, { addresses: dual, masquerade: {} });
    expect(entries.map(({ set, chain }) => [set.name, chain?.name])).toEqual([
      ["masquerade4", "masquerade-10.1.0.0/24"],
      ["masquerade6", "masquerade-fd00_1__/64"],
    ]);
    const fixed = entriesOf(owner, { addresses: dual, masquerade: { to: [Address.parse("192.0.2.7")] } });
    expect(fixed[0]?.chain?.name).toBe("masquerade-10.1.0.0/24-to-192.0.2.7");
    expect(fixed[1]?.chain?.name).toBe("masquerade-fd00_1__/64");
  });

  test("a port: one element per family, and one for its hairpin", () => {
    const mappings = [{ protocol: "tcp", hostPort: 8080, containerPort: 80 }] as const;
    expect(names({ addresses: dual, ports: { mappings } })).toEqual([
      "inet hairpin4 6 8080 10.1.0.2",
      "inet hairpin6 6 8080 fd00:1::2",
      "inet port-any4 6 8080",
      "inet port-any6 6 8080",
    ]);
    expect(names({ addresses: dual, ports: { mappings, masquerade: "none" } })).toHaveLength(2);
    expect(names({ addresses: dual, ports: { mappings, routed: true } })).toEqual([
      "inet open4 10.1.0.2 6 80 10.1.0.2 6 80",
      "inet open6 fd00:1::2 6 80 fd00:1::2 6 80",
    ]);
  });

  test("a range of 65535 ports is one element where ports are equal", () => {
    const mappings = [{ protocol: "udp", hostPort: 1, containerPort: 1, range: 65535 }] as const;
    expect(names({ addresses: dual.slice(0, 1), ports: { mappings } })).toEqual([
      "inet hairpin-range4 17 1 10.1.0.2 17 65535 10.1.0.2",
      "inet range-any4 17 1 17 65535",
    ]);
  });

  test("every element names its owner; those of a bridge the network alone", () => {
    const entries = entriesOf(owner, {
      addresses: dual,
      link: { name: "br1", kind: "bridge" },
      masquerade: {},
      isolation: { mode: "nat", betweenContainers: true },
      macSpoofing: { port: "veth1", mac: "02:42:00:00:00:01" },
    });
    for (const { shared, element } of entries) {
      expect(element.comment).toBe(shared ? "berth/one/" : "berth/one/c1/eth0");
    }
    expect(
      entries
        .filter(({ shared }) => shared)
        .map(({ set }) => set.name)
        .sort(),
    ).toEqual(["bridges", "from", "isolated", "pass", "to"]);
  });

  test("a record says the same after it was written and read", () => {
    const publication: Publication = {
      addresses: dual,
      link: { name: "br1", kind: "bridge" },
      masquerade: { to: [Address.parse("2001:db8::7")] },
      ports: {
        mappings: [{ protocol: "sctp", hostPort: 9, containerPort: 10, hostIP: Address.parse("192.0.2.1"), range: 3 }],
        masquerade: "all",
      },
      hostFirewall: { backend: "firewalld", zone: "trusted" },
    };
    const read = readPublication(JSON.parse(JSON.stringify(publication)));
    expect(read).toEqual(publication);
    expect(names(read)).toEqual(names(publication));
  });
});

describe("port mappings", () => {
  const read = (...mappings: Parameters<typeof readMappings>[0]) => readMappings(mappings, "test");

  test("protocols in any case, tcp where none is given, a range of 0 or 1 is one port", () => {
    expect(read({ hostPort: 1, containerPort: 2, protocol: "UDP" })[0]?.protocol).toBe("udp");
    expect(read({ hostPort: 1, containerPort: 2 })).toEqual([{ hostPort: 1, containerPort: 2, protocol: "tcp" }]);
    expect(read({ hostPort: 1, containerPort: 2, range: 1 })[0]).not.toHaveProperty("range");
  });

  test("the same twice is once meant; the same port for two is refused", () => {
    expect(read({ hostPort: 1, containerPort: 2 }, { hostPort: 1, containerPort: 2 })).toHaveLength(2);
    expect(() => read({ hostPort: 1, containerPort: 2 }, { hostPort: 1, containerPort: 3 })).toThrow("hostPort");
    expect(() => read({ hostPort: 1, containerPort: 1, range: 9 }, { hostPort: 5, containerPort: 5 })).toThrow(
      "hostPort",
    );
    expect(() =>
      read({ hostPort: 1, containerPort: 2 }, { hostPort: 1, containerPort: 3, protocol: "udp" }),
    ).not.toThrow();
  });
});
