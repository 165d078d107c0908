import type { Signalling } from "#src/datapath/keep/contract.ts";
import type { Millis } from "#src/protocol/time.ts";
import { everySecond } from "./pulse.ts";

/**
 * Calls `look` at once when the kernel signals a change, and each second in any case. After a signal
 * it is asked for the next one only when `rest` has passed, so that a host whose routes change without
 * end costs no more than one that looks at itself that often.
 *
 * @param source what is looked at; where nothing signals, it is looked at every `rest`
 * @param look is told whether a signal has it look
 * @returns what ends it
 */
export function lookOnChange(
  source: Partial<Signalling>,
  rest: Millis,
  look: (isTold: boolean) => void,
): () => void {
  if (source.signal === undefined) {
    const timer = setInterval(() => look(false), rest);
    return () => clearInterval(timer);
  }
  let resting: ReturnType<typeof setTimeout> | undefined;
  const listen = () => {
    resting = undefined;
    source.signal!(true);
    // What came before that gave no signal.
    look(false);
  };
  const signalled = () => {
    if (resting !== undefined) return;
    resting = setTimeout(listen, rest);
    source.signal!(false);
    look(true);
  };
  process.on("SIGIO", signalled);
  const end = everySecond(() => look(false));
  listen();
  return () => {
    end();
    clearTimeout(resting);
    source.signal!(false);
    process.off("SIGIO", signalled);
  };
}
