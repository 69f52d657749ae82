import type { FromSchema } from "json-schema-to-ts";
import { commonKeys, ips, route } from "../../src/cni/schema.ts";
import { rangeKeys, ranges } from "../../src/ipam/schema.ts";

/** Configuration of the host-local plugin: `ipam` of another plugin's configuration, and what a runtime sends beside it. */
export const schema = {
  type: "object",
  properties: {
    ...commonKeys,
    ipam: {
      type: "object",
      properties: {
        type: { type: "string", description: "host-local" },
        ...rangeKeys,
        ranges,
        routes: { type: "array", items: route, description: "Routes for the container, handed on in the result" },
        dataDir: { type: "string", description: "Folder of the folders with each network's reservations" },
        resolvConf: { type: "string", description: "Resolver file that the result's dns is taken from" },
        order: { enum: ["roundRobin", "lowestFree"], description: "Which free address comes next" },
        sticky: { type: "boolean", description: "Prefer the address that the same container name had before" },
        releaseOnBoot: { type: "boolean", description: "Release what was reserved before the machine was started" },
      },
    },
    args: {
      type: "object",
      properties: {
        cni: {
          type: "object",
          properties: {
            ips,
            stickyKey: { type: "string", description: "Name under which a sticky address is remembered" },
          },
        },
      },
    },
    runtimeConfig: {
      type: "object",
      properties: { ipRanges: ranges, ips },
    },
  },
} as const;

export type HostLocalSchema = FromSchema<typeof schema>;
