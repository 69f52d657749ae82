import { checkContainerLink, checkLayer3, mismatch, requirePrevResult } from "../../src/attach/check.ts";
import { ownerOf } from "../../src/attach/owner.ts";
import { readRecord } from "../../src/attach/record.ts";
import { openSandbox } from "../../src/attach/stack.ts";
import { delegateCheck } from "../../src/cni/delegate.ts";
import type { Attachment } from "../../src/cni/plugin.ts";
import { LinkFlag } from "../../src/rtnetlink/link.ts";
import type { HostDeviceConfig } from "./config.ts";
import { isLent, type Lent } from "./lent.ts";
import { kind } from "./loan.ts";

/** @throws CniError for the first thing that is not as ADD left it. */
export function checkAttachment(attachment: Attachment, { ipam, userspace }: HostDeviceConfig): void {
  const prevResult = requirePrevResult(attachment);
  if (ipam !== undefined) delegateCheck(attachment, ipam);
  // The interface, if there is one, is that of the process that drives the device.
  if (userspace) return;
  using container = openSandbox(attachment);
  const link = checkContainerLink(container, attachment, prevResult);
  const record = readRecord<Lent>(kind, ownerOf(attachment));
  if (record !== undefined && !isLent(link, record.note)) {
    throw mismatch(`device of ${link.name}`, link.deviceName ?? link.permanentMac, record.note.name);
  }
  const wanted = record?.note.name ?? "the interface's name on the host";
  if (!link.alias || (record !== undefined && link.alias !== wanted)) {
    throw mismatch(`alias of ${link.name}`, link.alias, wanted);
  }
  if (!(link.flags & LinkFlag.up)) throw mismatch(`state of ${link.name}`, "down", "up");
  checkLayer3(container, link, prevResult);
}
