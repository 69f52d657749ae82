import { wishKeys, wishRuntimeKeys } from "../../src/attach/firewall/wishes.ts";
import { bandwidth, type ConfigOf, commonKeys, ipam, ips, mac } from "../../src/cni/schema.ts";

const subnets = {
  anyOf: [
    { type: "string", description: "One" },
    { type: "array", items: { type: "string" }, description: "Several, as one of each family" },
  ],
} as const;

/** Configuration of the vxlan plugin. */
export const schema = {
  $id: "vxlan",
  type: "object",
  required: ["vni"],
  properties: {
    ...commonKeys,
    ipam,
    mode: {
      enum: ["l2", "l3"],
      description: "l2: one subnet over all hosts; l3: a subnet for each host, routed. Default: l2",
    },
    vni: {
      type: "integer",
      minimum: 1,
      maximum: 16777215,
      description: "VXLAN network identifier, the same on all hosts",
    },
    port: {
      type: "integer",
      minimum: 1,
      maximum: 65535,
      description: "UDP port, the same on all hosts. Default: 4789",
    },
    local: { type: "string", description: "This host's address on the underlay. Default: that of `underlay`" },
    underlay: {
      type: "string",
      description: "The link that leads to the other hosts. Default: that of the default route",
    },
    mtu: {
      type: "integer",
      minimum: 0,
      maximum: 65535,
      description: "In bytes. Default, and at most: the underlay's less 50, over IPv6 less 70",
    },
    bridge: {
      type: "string",
      minLength: 1,
      maxLength: 15,
      pattern: "^(?!\\.{1,2}$)[^/:\\s]+$",
      description: "The containers' bridge on this host; made when there is none. Default: vxbr<vni>",
    },
    peers: {
      type: "array",
      description: "The other hosts",
      items: {
        type: "object",
        required: ["ip"],
        properties: {
          ip: { type: "string", description: "Address on the underlay" },
          subnet: { ...subnets, description: "Its containers' subnet; an array of one for each family" },
          mac: { type: "string", description: "MAC of its tunnel end. Default: what it derives from its address" },
          endpoints: {
            type: "array",
            description: "In mode l2: containers that it has, so that nothing need be flooded to find them",
            items: {
              type: "object",
              required: ["ip", "mac"],
              properties: { ip: { type: "string" }, mac: { type: "string" } },
            },
          },
        },
      },
    },
    peersFile: { type: "string", description: "Absolute path of a JSON file with more peers, read at each ADD" },
    network: {
      ...subnets,
      description: "In mode l3: what all hosts' subnets are in; ipMasq leaves packets to it as they are",
    },
    learning: {
      type: "boolean",
      description: "In mode l2: learn from packets which host a container is on. Default: true",
    },
    neighSuppress: {
      type: "boolean",
      description: "In mode l2: answer ARP and ND for known containers here. Default: the value of isGateway",
    },
    directRouting: {
      type: "boolean",
      description: "In mode l3: no tunnel to hosts on the same underlay subnet. Default: false",
    },
    isGateway: {
      type: "boolean",
      description: "The bridge gets the gateway's address. Default: false in mode l2; always in mode l3",
    },
    isDefaultGateway: {
      type: "boolean",
      description:
        "As isGateway, and the containers' default route goes there. Default: false in mode l2; always in mode l3",
    },
    txChecksumOffload: {
      type: "boolean",
      description: "Leave the checksums of what goes into the tunnel to the underlay's hardware. Default: true",
    },
    ...wishKeys,
    mac: { ...mac, description: "MAC address of the container. Default: derived from its first address" },
    runtimeConfig: { type: "object", properties: { ...wishRuntimeKeys, bandwidth, mac, ips } },
    args: { type: "object", properties: { cni: { type: "object", properties: { mac } } } },
  },
} as const;

export type VxlanSchema = ConfigOf<typeof schema>;
