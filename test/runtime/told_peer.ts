/** A TCP server on port 7000 of `::` that answers whatever comes with the address of who sent it. */
import { createServer } from "node:net";

createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", () => socket.write(`${socket.remoteAddress}\n`));
}).listen(7000, "::", () => console.log("listening"));
