import { deleteLink, expectLink, type Link, type NewLink, setLink } from "./link.ts";
import type { RouteSocket } from "./socket.ts";

/** What a link is to be known by, and what else it gets in the same request: `flags`, to be up at once. */
export type Naming = Pick<NewLink, "flags" | "change"> & { readonly name: string; readonly alias: string };

/**
 * Makes a link that has its name and its mark, the alias, from the same moment on. The kernel takes an alias for links that
 * are there, not with those that it makes: so the link is made under another name, and gets both in one request. Whoever is
 * killed between leaves nothing that could be taken for somebody else's.
 *
 * @param unfinished the name until then; what an earlier call left under it is removed.
 * @param make makes the link under that name, and what it is to have before it has its own. Where it throws, or the naming
 *   fails, the link is removed.
 * @throws NetlinkError EEXIST when there is another link of the final name.
 */
export function makeMarkedLink(
  socket: RouteSocket,
  unfinished: string,
  naming: Naming,
  make: (unfinished: string) => void,
): Link {
  deleteLink(socket, { name: unfinished });
  using undo = new DisposableStack();
  undo.defer(() => deleteLink(socket, { name: unfinished }));
  make(unfinished);
  const link = expectLink(socket, { name: unfinished });
  const { index } = link;
  // The naming may have been done although it failed.
  undo.defer(() => deleteLink(socket, { index }));
  const { name, alias } = naming;
  setLink(socket, `name ${unfinished} ${name}`, { index, ...naming });
  undo.move();
  return { ...link, name, alias };
}
