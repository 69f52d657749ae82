import { wishKeys, wishRuntimeKeys } from "../../src/attach/firewall/wishes.ts";
import { bandwidth, type ConfigOf, commonKeys, ipam, mac } from "../../src/cni/schema.ts";

const vlanId = { type: "integer", minimum: 1, maximum: 4094 } as const;

export const schema = {
  $id: "bridge",
  type: "object",
  properties: {
    ...commonKeys,
    ipam,
    bridge: {
      type: "string",
      minLength: 1,
      maxLength: 15,
      pattern: "^(?!\\.{1,2}$)[^/:%\\s]+$",
      description: "Name of the bridge; made when there is none",
    },
    isGateway: { type: "boolean", description: "The bridge gets the gateway's address" },
    isDefaultGateway: { type: "boolean", description: "As isGateway, and the containers' default route goes there" },
    forceAddress: { type: "boolean", description: "Replace another address of the bridge instead of failing" },
    ...wishKeys,
    mtu: { type: "integer", minimum: 0, maximum: 65535, description: "MTU in bytes; 0: the kernel's default" },
    hairpinMode: { type: "boolean", description: "A container may reach itself through the bridge" },
    promiscMode: { type: "boolean", description: "The bridge takes in all packets" },
    vlan: { type: "integer", minimum: 0, maximum: 4094, description: "VLAN of untagged packets; 0: none" },
    vlanTrunk: {
      type: "array",
      description: "VLANs that the container sends and receives tagged",
      items: {
        type: "object",
        properties: { id: vlanId, minID: vlanId, maxID: vlanId },
      },
    },
    preserveDefaultVlan: { type: "boolean", description: "Keep VLAN 1 on the port beside vlan and vlanTrunk" },
    macspoofchk: { type: "boolean", description: "Drop what a container sends under another MAC" },
    enabledad: { type: "boolean", description: "Detect duplicate IPv6 addresses, which takes a second or two" },
    disableContainerInterface: { type: "boolean", description: "Leave the container's interface down" },
    portIsolation: { type: "boolean", description: "Containers of this network do not reach each other" },
    runtimeConfig: { type: "object", properties: { mac, bandwidth, ...wishRuntimeKeys } },
    args: { type: "object", properties: { cni: { type: "object", properties: { mac } } } },
  },
} as const;

export type BridgeSchema = ConfigOf<typeof schema>;
