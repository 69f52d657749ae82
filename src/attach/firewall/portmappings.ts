import { invalidConfig } from "../../cni/config.ts";
import type { PortMapping as PortMappingConfig } from "../../cni/schema.ts";
import { Address } from "../../ip/address.ts";
import { type PortMapping, type Protocol, protocols } from "./publication.ts";

const what = "port mappings";

/**
 * The ports that a runtime wants published (`runtimeConfig.portMappings`).
 *
 * @throws CniError (invalidConfig).
 */
export function readPortMappings(configs: readonly PortMappingConfig[]): PortMapping[] {
  return configs.map((config, i) => {
    const path = `runtimeConfig.portMappings[${i}]`;
    const { hostPort, containerPort, hostIP, range = 1 } = config;
    if (containerPort === 0) throw invalidConfig(what, `${path}.containerPort`, 0, "a port from 1 to 65535");
    if (hostPort === 0) throw invalidConfig(what, `${path}.hostPort`, 0, "a port from 1 to 65535");
    const most = 65536 - Math.max(hostPort, containerPort);
    if (range > most)
      throw invalidConfig(what, `${path}.range`, range, `at most ${most}, so that no port is above 65535`);
    return {
      protocol: readProtocol(config.protocol, `${path}.protocol`),
      hostPort,
      containerPort,
      ...(range > 1 && { range }),
      ...(hostIP && { hostIP: readHostIP(hostIP, `${path}.hostIP`) }),
    };
  });
}

function readProtocol(text: string | undefined, path: string): Protocol {
  const protocol = (text || "tcp").toLowerCase();
  if (Object.hasOwn(protocols, protocol)) return protocol as Protocol;
  throw invalidConfig(what, path, text, Object.keys(protocols).join(", "));
}

function readHostIP(text: string, path: string): Address {
  try {
    return Address.parse(text);
  } catch {
    throw invalidConfig(what, path, text, "an IP address of the host, 0.0.0.0 or ::");
  }
}
