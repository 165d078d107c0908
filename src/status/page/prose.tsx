/** @jsxImportSource hono/jsx */
/** Words in which commands and keys stand between grave accents. */
export function Prose({ text }: { readonly text: string }) {
  return <>{text.split("`").map((part, i) => i % 2 === 1 ? <code>{part}</code> : part)}</>;
}

/** What mends something: a command, or words with commands in them. */
export function Mend({ text }: { readonly text: string }) {
  return (
    <span class="mend">
      Mend: {text.includes("`") ? <Prose text={text} /> : <code>{text}</code>}
    </span>
  );
}
