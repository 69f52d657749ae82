import { CniError, ErrorCode } from "../../cni/error.ts";
import { type Bus, DBusError, openSystemBus } from "../../dbus/connection.ts";
import type { Address } from "../../ip/address.ts";
import { Prefix } from "../../ip/prefix.ts";
import { SystemError } from "../../linux/libc.ts";

const firewalld = "org.fedoraproject.FirewallD1";

/** Whether firewalld is on the system bus. */
export function isFirewalldRunning(): boolean {
  using bus = findBus();
  const dbus = "org.freedesktop.DBus";
  return (
    bus?.call({
      destination: dbus,
      path: "/org/freedesktop/DBus",
      interface: dbus,
      member: "NameHasOwner",
      args: [firewalld],
    }) === true
  );
}

/** Puts an address into a zone of firewalld. @throws DBusError when it is in another one. */
export function trustSource(zone: string, address: Address): void {
  ignoring("ZONE_ALREADY_SET", () => callZone("addSource", zone, source(address)));
}

/** Takes an address out of a zone; passed over where firewalld does not know it, or does not run. */
export function untrustSource(zone: string, address: Address): void {
  if (!isFirewalldRunning()) return;
  ignoring("UNKNOWN_SOURCE", () => callZone("removeSource", zone, source(address)));
}

/** The zone that an address is in; undefined: none, or firewalld does not run. */
export function sourceZone(address: Address): string | undefined {
  if (!isFirewalldRunning()) return undefined;
  const zone = callZone("getZoneOfSource", source(address));
  return zone ? String(zone) : undefined;
}

function source(address: Address): string {
  return Prefix.host(address).toString();
}

function callZone(member: string, ...args: string[]): string | boolean | undefined {
  if (!isFirewalldRunning()) {
    throw new CniError(ErrorCode.notAvailable, "Cannot ask firewalld: it does not run", {
      details: "backend: found firewalld, allowed: where it is on the system bus; left out, what is there is asked",
    });
  }
  using bus = openSystemBus();
  return bus.call({
    destination: firewalld,
    path: "/org/fedoraproject/FirewallD1",
    interface: `${firewalld}.zone`,
    member,
    args,
  });
}

/** firewalld has one name for all its errors; what it means stands at the start of the text. */
function ignoring(code: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof DBusError) || !error.message.includes(`${code}:`)) throw error;
  }
}

function findBus(): Bus | undefined {
  try {
    return openSystemBus();
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
