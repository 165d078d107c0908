/** @jsxImportSource hono/jsx */
/** A live look at one peer's packets, for whom a script can show it. */
export function Trace({ peer }: { readonly peer: string }) {
  return (
    <section id="trace" aria-labelledby="trace-title" data-peer={peer}>
      <h2 id="trace-title">Its packets, live</h2>
      <p class="hint">
        Headers alone, and what became of each: 500 packets or a minute, for one who looks on at a
        time. Off by default: <code>trace = yes</code> in <code>[status]</code> lets it be.
      </p>
      <p>
        <button type="button" hidden>Start</button> <span class="count"></span>{" "}
        <span class="outcome" role="status"></span>
      </p>
      <noscript>
        <p>
          Without a script: <code>curl -N http://ADDRESS:PORT/trace?peer={peer}</code>
        </p>
      </noscript>
      <div class="scroll" tabindex={0} role="region" aria-label="Table of packets" hidden>
        <table>
          <caption class="unseen">Packets, the newest first</caption>
          <thead>
            <tr>
              <th scope="col">time</th>
              <th scope="col" class="text">came</th>
              <th scope="col" class="text">packet</th>
              <th scope="col">bytes</th>
              <th scope="col" class="text">what became of it</th>
            </tr>
          </thead>
          <tbody></tbody>
        </table>
      </div>
    </section>
  );
}
