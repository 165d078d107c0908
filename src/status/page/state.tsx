/** @jsxImportSource hono/jsx */
import type { CheckDocument, StatusDocument } from "../document.ts";
import { Mend } from "./prose.tsx";
import { Shape, type ShapeName } from "./shapes.tsx";
import { isoOf, Time } from "./time.tsx";

/** The first thing to see: how it is, in a sentence. */
export function State({ status, now }: { readonly status: StatusDocument; readonly now: number }) {
  const { shape, word } = conditionOf(status);
  return (
    <section id="state" class={`state ${shape}`} data-word={word}>
      <Shape name={shape} />
      <h1 data-sentence="">{status.sentence}</h1>
      <p class="freshness">
        <span id="freshness">
          As of <Time at={isoOf(now)} now={now} />
        </span>
      </p>
    </section>
  );
}

/** The state in a word, and its shape. */
export function conditionOf({ alive, draining, ready }: StatusDocument): {
  readonly shape: ShapeName;
  readonly word: string;
} {
  if (!alive) return { shape: "dead", word: "no sign of life" };
  if (draining) return { shape: "pause", word: "draining" };
  return ready ? { shape: "ok", word: "ready" } : { shape: "fail", word: "not ready" };
}

export function Checks({ status, now }: { readonly status: StatusDocument; readonly now: number }) {
  const { checks } = status;
  const failed = checks.filter(({ ok }) => !ok);
  const title = failed.length === 0
    ? `All ${checks.length} checks pass`
    : `${failed.length} of ${checks.length} checks fail`;
  return (
    <section id="checks" aria-labelledby="checks-title">
      <h2 id="checks-title">{title}</h2>
      <ul class="checks">
        {[...failed, ...checks.filter(({ ok }) => ok)].map((check) => (
          <Check check={check} now={now} />
        ))}
      </ul>
    </section>
  );
}

function Check({ check, now }: { readonly check: CheckDocument; readonly now: number }) {
  const { name, ok, detail, since, mend } = check;
  return (
    <li class={ok ? "ok" : "fail"}>
      <span class="verdict">
        <Shape name={ok ? "ok" : "fail"} /> {ok ? "ok" : "fails"}
      </span>
      <span class="name">{name}</span>
      <span class="detail">{detail}</span>
      {since !== undefined && (
        <span class="since">
          for <Time at={since} form="for" now={now} />
        </span>
      )}
      {mend !== undefined && <Mend text={mend} />}
    </li>
  );
}
