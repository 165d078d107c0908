import { createSocket } from "node:dgram";
import process from "node:process";

/**
 * A name server that knows one address of each kind, for whatever name it is asked.
 *
 *     name_server.ts ADDRESS A AAAA
 */
const [address = "", a = "", aaaa = ""] = process.argv.slice(2);
const HEADER = 12;
const TYPE_A = 1;
const TYPE_AAAA = 28;

const records: Readonly<Record<number, Buffer>> = {
  [TYPE_A]: Buffer.from(a.split(".").map(Number)),
  [TYPE_AAAA]: bytesOf(aaaa),
};

const socket = createSocket("udp4");
socket.on("message", (question, from) => {
  const end = question.indexOf(0, HEADER) + 5;
  const type = question.readUInt16BE(end - 4);
  const data = records[type];
  // A response to a standard query, recursion available; RFC 1035 §4.1.1
  const head = Buffer.from([question[0]!, question[1]!, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(data === undefined ? 0 : 1, 6);
  const answer = data === undefined ? [] : [record(type, data)];
  socket.send(
    Buffer.concat([head, question.subarray(HEADER, end), ...answer]),
    from.port,
    from.address,
  );
});
socket.bind(53, address, () => console.log("listening"));

/** Its name is that of the question: RFC 1035 §4.1.4 */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, HEADER, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length]);
  return Buffer.concat([head, data]);
}

function bytesOf(text: string): Buffer {
  const [left = "", right = ""] = text.split("::");
  const groups = (it: string) => it === "" ? [] : it.split(":").map((group) => parseInt(group, 16));
  const [before, behind] = [groups(left), groups(right)];
  const zeros = Array<number>(8 - before.length - behind.length).fill(0);
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...behind].forEach((group, i) => bytes.writeUInt16BE(group, 2 * i));
  return bytes;
}
