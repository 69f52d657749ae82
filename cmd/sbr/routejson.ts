import { Address } from "../../src/ip/address.ts";
import { Prefix } from "../../src/ip/prefix.ts";
import type { Hop, RouteEntry } from "../../src/rtnetlink/route.ts";

type Texts<T, Keys extends keyof T> = Omit<T, Keys> & { readonly [K in Keys]?: string };

/** A route with its addresses as text. */
export interface RouteJson extends Omit<Texts<RouteEntry, "gateway" | "preferredSource">, "destination" | "hops"> {
  readonly destination: string;
  readonly hops?: readonly Texts<Hop, "gateway">[];
}

export function routeToJson({ destination, gateway, preferredSource, hops, ...route }: RouteEntry): RouteJson {
  return {
    ...route,
    destination: destination.toString(),
    ...(gateway && { gateway: gateway.toString() }),
    ...(preferredSource && { preferredSource: preferredSource.toString() }),
    ...(hops && { hops: hops.map(({ gateway, ...hop }) => ({ ...hop, ...(gateway && { gateway: `${gateway}` }) })) }),
  };
}

export function routeFromJson({ destination, gateway, preferredSource, hops, ...route }: RouteJson): RouteEntry {
  return {
    ...route,
    destination: Prefix.parse(destination),
    ...(gateway !== undefined && { gateway: Address.parse(gateway) }),
    ...(preferredSource !== undefined && { preferredSource: Address.parse(preferredSource) }),
    ...(hops && {
      hops: hops.map(({ gateway, ...hop }) => ({ ...hop, ...(gateway && { gateway: Address.parse(gateway) }) })),
    }),
  };
}
