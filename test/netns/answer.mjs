// answer.mjs NAME READY PORT…: answers on every PORT, tcp and udp, IPv4 and IPv6, with NAME and the caller's address, and
// makes the file READY once it does.
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";

const [name, ready, ...ports] = process.argv.slice(2);
const plain = (address) => address.replace(/^::ffff:/, "");
const listening = ports.flatMap((port) => [
  new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(`${name} ${plain(socket.remoteAddress)}\n`);
    });
    server.listen(Number(port), "::", resolve);
  }),
  new Promise((resolve) => {
    const socket = createSocket("udp6");
    socket.on("message", (_, from) => socket.send(`${name} ${plain(from.address)}\n`, from.port, from.address));
    socket.bind(Number(port), "::", resolve);
  }),
]);
await Promise.all(listening);
writeFileSync(ready, "");
