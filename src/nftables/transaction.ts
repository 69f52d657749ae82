import { attributes } from "../netlink/attributes.ts";
import { be32, text } from "../netlink/codec.ts";
import { NetlinkError } from "../netlink/error.ts";
import { netfilterBody } from "../netlink/netfilter.ts";
import type { NetlinkSocket, Request } from "../netlink/socket.ts";
import { MessageType, nftablesRequest, nftablesSubsystem } from "./message.ts";

const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;

const batchBody = netfilterBody(attributes({ generation: [1, be32] }));
const generationBody = netfilterBody(attributes({ generation: [1, be32], pid: [2, be32], process: [3, text] }));

/**
 * Carries out all of `changes`, or none: packets never see a part of them.
 *
 * @param generation of {@link readGeneration}: nothing is done if anything changed since (ERESTART).
 * @throws NetlinkError for the first change that the kernel refuses.
 */
export function commit(socket: NetlinkSocket, changes: readonly Request[], generation?: number): void {
  if (changes.length === 0) return;
  const bracket = (type: number): Request => ({
    operation: "change the rules of nf_tables",
    type,
    acknowledged: false,
    write: (out) =>
      batchBody.encode({ resource: nftablesSubsystem, ...(generation === undefined ? {} : { generation }) }, out),
  });
  socket.batch([bracket(NFNL_MSG_BATCH_BEGIN), ...changes, bracket(NFNL_MSG_BATCH_END)]);
}

/** The number of the present state of nf_tables in this namespace; each transaction makes a new one. */
export function readGeneration(socket: NetlinkSocket): number {
  const request = nftablesRequest(
    "read the generation of nf_tables",
    MessageType.getGeneration,
    0,
    { family: "inet" },
    generationBody,
    {},
  );
  const [answer] = socket.request(request);
  return (answer && generationBody.decode(answer.body).generation) ?? 0;
}

const TRIES = 100;

/**
 * Reads, decides and commits: `decide` looks at the present state and gives the changes, and is asked again when the
 * state changed before they were carried out.
 *
 * @throws NetlinkError (EAGAIN, ERESTART) when others kept changing the state.
 */
export function commitConsistently(socket: NetlinkSocket, decide: () => readonly Request[]): void {
  for (let tries = 1; ; tries++) {
    const generation = readGeneration(socket);
    try {
      commit(socket, decide(), generation);
      return;
    } catch (error) {
      const conflict = error instanceof NetlinkError && ["ERESTART", "EAGAIN"].includes(error.code);
      if (!conflict || tries === TRIES) throw error;
    }
  }
}
