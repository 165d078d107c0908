import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex } from "../engine/corpus.ts";
import { QUESTIONS } from "./questions.ts";

/** Number of the question, then a datagram in hexadecimal. */
export const ANSWERS: string = join(import.meta.dirname!, "../../data/netlink_answers.txt");

/** What a kernel has answered to each of the questions, datagram by datagram: see `record.ts`. */
export function recordedAnswers(): readonly (readonly Uint8Array[])[] {
  const answers: Uint8Array[][] = QUESTIONS.map(() => []);
  for (const line of readFileSync(ANSWERS, "utf8").split("\n")) {
    const [question, hex] = line.split(" ");
    if (hex !== undefined) answers[Number(question)]!.push(fromHex(hex));
  }
  return answers;
}
