import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/**
 * A program of its own, run inside a namespace: finds out what a NAT does, or helps to.
 *
 *     reflect ADDRESS:PORT...          says of a datagram that comes whence it came
 *     ask PORT [REFLECTOR>BY:]...      asks from PORT, and prints a line of JSON for each answer
 *     open PORT ADDRESS:PORT           sends to there, and is a reflector itself
 *
 * A reflector answers from the socket it is asked to, and then from the one that was asked: once the
 * second is there, the first one is, or has been filtered. REFLECTOR and BY are ADDRESS:PORT.
 */
const [mode, ...args] = process.argv.slice(2);

/** Milliseconds by which the second answer comes later, and after which a question is asked again. */
const LATER = 100;
const AGAIN = 2_000;

async function bind(at: string): Promise<Socket> {
  const [address, port] = at.split(":");
  const socket = createSocket("udp4");
  socket.bind({ address: address!, port: Number(port) });
  await once(socket, "listening");
  return socket;
}

function send(socket: Socket, text: string, to: string): void {
  const [address, port] = to.split(":");
  socket.send(text, Number(port), address);
}

async function reflect(all: readonly string[], sockets = new Map<string, Socket>()): Promise<void> {
  for (const at of all) sockets.set(at, sockets.get(at) ?? await bind(at));
  for (const [at, socket] of sockets) {
    socket.on("message", (question, { address, port }) => {
      const [number, by] = question.toString().split(" ");
      if (by === undefined) return;
      const from = `${address}:${port}`;
      send(sockets.get(by) ?? socket, `${number} first ${from}`, from);
      setTimeout(() => send(socket, `${number} second ${from}`, from), LATER);
    });
    console.log(`listening ${at}`);
  }
}

async function ask(port: string, questions: readonly string[]): Promise<void> {
  const socket = await bind(`0.0.0.0:${port}`);
  for (const [i, question] of questions.entries()) {
    const [to, by] = question.split(">");
    const heard = { first: false, mapped: "" };
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on("message", (answer) => {
      const [number, which, mapped] = answer.toString().split(" ");
      if (number !== `${i}`) return;
      if (which === "first") heard.first = true;
      else heard.mapped = mapped!;
      if (which === "second") resolve();
    });
    send(socket, `${i} ${by}`, to!);
    const timer = setInterval(() => send(socket, `${i} ${by}`, to!), AGAIN);
    await promise;
    clearInterval(timer);
    socket.removeAllListeners("message");
    console.log(JSON.stringify(heard));
  }
  socket.close();
}

if (mode === "reflect") await reflect(args);
else if (mode === "ask") await ask(args[0]!, args.slice(1));
else if (mode === "open") {
  const socket = await bind(`0.0.0.0:${args[0]}`);
  send(socket, "", args[1]!);
  await reflect([], new Map([[`0.0.0.0:${args[0]}`, socket]]));
}
