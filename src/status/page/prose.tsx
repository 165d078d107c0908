/** @jsxImportSource hono/jsx */
/** Words in which commands and keys stand between grave accents. */
export function Prose({ text }: { readonly text: string }) {
  return <>{text.split("`").map((part, i) => i % 2 === 1 ? <code>{part}</code> : part)}</>;
}
