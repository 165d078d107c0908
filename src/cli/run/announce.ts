import { loadConfig } from "#src/config/load.ts";
import { type Speaker, type SpeakerName, SPEAKERS } from "../announce/mod.ts";
import { type AnnounceFlags, planOf } from "../announce/plan.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit.ts";

/** `teredo announce DAEMON`: the configuration goes to standard output, what is to be done to standard error. */
export default function runAnnounce(this: Context, flags: AnnounceFlags, name: SpeakerName): void {
  const { config } = loadConfig("relay", { path: flags.config });
  const plan = planOf(config, flags);
  const speaker: Speaker = SPEAKERS[name];
  const { stdout, stderr } = this.process;
  const notice = (text: string) => stderr.write(`notice: ${text}\n`);
  if (!speaker.learnsRoute && plan.readyNeeds !== undefined) {
    throw new UsageError(
      `${speaker.title} has the relay asked by its status pages, which do not answer it; set ` +
        `${plan.readyNeeds} in [status]`,
    );
  }
  if (flags.hook) {
    if (speaker.hook === undefined) throw new UsageError(`${speaker.title} needs no --hook`);
    stdout.write(speaker.hook(plan));
    return;
  }
  stdout.write(speaker.config(plan));
  if (speaker.learnsRoute && !config.relay.announce) {
    notice(
      "nothing is announced before `announce = yes` stands in [relay] and the relay is restarted",
    );
  }
  const given = { ...flags, "router-id": plan.routerId };
  const missing = speaker.asks.filter((flag) => given[flag] === undefined);
  if (missing.length === 0) return;
  notice(`lines marked CHANGE have placeholders for ${missing.map((it) => `--${it}`).join(", ")}`);
}
