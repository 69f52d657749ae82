// Sends a text to the DHCP daemon's socket as it is, for dhcp.bats, and prints what comes back until the end.
//
// usage: node dhcpsocket.mjs PATH TEXT
import { connect } from "node:net";

const [, , path, text] = process.argv;
const socket = connect(path, () => socket.write(text));
socket.on("error", (error) => console.log(error.code));
socket.setTimeout(15_000, () => socket.destroy());
socket.pipe(process.stdout);
