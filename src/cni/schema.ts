import type { FromSchema, JSONSchema } from "json-schema-to-ts";

/**
 * Schema fragments of what every plugin may find in its configuration (specification 1.1.0 section 1, and the
 * conventions document of CNI). A plugin's schema spreads {@link commonKeys} into its `properties`, and puts into
 * `runtimeConfig` and `args` what it reads from there.
 *
 * Integers are bounded where the kernel bounds them: what JSON cannot hold exactly never gets through.
 */
const strings = { type: "array", items: { type: "string" } } as const;

/** `dns` of a configuration: {@link import("./result.ts").DNS}. */
export const dns = {
  type: "object",
  description: "Name servers for the container, handed on in the result",
  properties: {
    nameservers: { ...strings, description: "Addresses in order of preference" },
    domain: { type: "string", description: "Local domain for short names" },
    search: { ...strings, description: "Search domains in order of preference" },
    options: { ...strings, description: "Options for the resolver" },
  },
} as const;

/** A route in a configuration, as in a result. */
export const route = {
  type: "object",
  required: ["dst"],
  properties: {
    dst: { type: "string", description: "Destination in CIDR notation" },
    gw: { type: "string", description: "Next hop; without it the gateway of the address" },
    mtu: { type: "integer", minimum: 0, maximum: 4294967295, description: "Path MTU in bytes" },
    advmss: {
      type: "integer",
      minimum: 0,
      maximum: 4294967295,
      description: "TCP segment size to advertise, in bytes",
    },
    priority: { type: "integer", minimum: 0, maximum: 4294967295, description: "Metric: lower wins" },
    table: { type: "integer", minimum: 0, maximum: 4294967295, description: "Routing table" },
    scope: { type: "integer", minimum: 0, maximum: 255, description: "0 global, 253 link, 254 host" },
  },
} as const;

/** `ipam` where it is only handed to the delegate. */
export const ipam = {
  type: "object",
  description: "Address management: the plugin that gives addresses, and its own keys",
  properties: { type: { type: "string", description: "The IPAM plugin's name" } },
} as const;

/** What every configuration may hold; the runner fills in most of it. */
export const commonKeys = {
  cniVersion: { type: "string", description: "Version of the CNI specification" },
  name: { type: "string", description: "The network's name" },
  type: { type: "string", description: "The plugin's name" },
  capabilities: {
    type: "object",
    description: "Which keys of runtimeConfig the runtime is to send",
    additionalProperties: { type: "boolean" },
  },
  dns,
  prevResult: { type: "object", description: "Result of the plugin before this one" },
} as const;

/** One entry of `runtimeConfig.portMappings`. */
export const portMapping = {
  type: "object",
  required: ["hostPort", "containerPort"],
  properties: {
    hostPort: { type: "integer", minimum: 0, maximum: 65535 },
    containerPort: { type: "integer", minimum: 0, maximum: 65535 },
    protocol: { type: "string", description: "tcp, udp or sctp, in any case; tcp when empty" },
    hostIP: { type: "string", description: "Address of the host to publish on; empty: all" },
    range: { type: "integer", minimum: 1, maximum: 65535, description: "How many ports, from these on; 1" },
  },
} as const;

export const portMappings = { type: "array", items: portMapping, description: "Ports to publish" } as const;

/** Rates in bit/s, bursts in bits. containerd sends 2³²−1, CRI-O (2³²−1)·8−1 for a burst without bound. */
export const bandwidth = {
  type: "object",
  description: "Rate limits as the container sees them",
  properties: {
    ingressRate: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER as 9007199254740991 },
    ingressBurst: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER as 9007199254740991 },
    egressRate: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER as 9007199254740991 },
    egressBurst: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER as 9007199254740991 },
  },
} as const;

/** Requested addresses, with or without a prefix length. */
export const ips = { ...strings, description: "Addresses to give, with or without prefix length" } as const;

export const mac = { type: "string", description: "MAC address to give" } as const;

export type DnsConfig = FromSchema<typeof dns>;
export type RouteConfig = FromSchema<typeof route>;
export type PortMapping = FromSchema<typeof portMapping>;
export type Bandwidth = FromSchema<typeof bandwidth>;

/** The type of a configuration that a schema describes; keys that the schema does not know are left out of it. */
export type ConfigOf<Schema extends JSONSchema> = KnownKeys<FromSchema<Schema>>;

type KnownKeys<T> = T extends readonly (infer Item)[]
  ? readonly KnownKeys<Item>[]
  : T extends object
    ? { readonly [K in keyof T as string extends K ? never : K]: KnownKeys<T[K]> }
    : T;
