import { PeerAnswers } from "#src/datapath/peers/answers.ts";
import { PeerAsker } from "#src/datapath/peers/asker.ts";
import { PeerQuestions } from "#src/datapath/peers/questions.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { Crowd, fixedHash, writeClient } from "#test/memory/crowd.ts";

/**
 * A worker in this thread: whenever it is woken it goes round its loop until nothing is asked.
 *
 * @param first number of its first client
 */
export function worker(peers: number, first = 0) {
  const crowd = new Crowd({ maxPeers: Math.max(peers, 1) }, fixedHash);
  crowd.meet(first, first + peers);
  const questions = new PeerQuestions();
  const answers = new PeerAnswers(new PeerQuestions(questions.buffer), crowd.relay);
  let turns = 0;
  const go = () => {
    while (answers.nextAt !== Infinity) {
      crowd.now = Math.max(crowd.now, answers.nextAt);
      answers.answer(() => crowd.now);
      turns++;
    }
  };
  const asker = new PeerAsker(questions, go);
  return { crowd, questions, answers, asker, turns: () => turns };
}

/** Teredo address of client number `i`. */
export const textOf = (i: number): string => {
  const b = new Uint8Array(16);
  writeClient(b, 0, i);
  return formatIpv6(b);
};
