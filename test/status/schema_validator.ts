import { readFileSync } from "node:fs";

/**
 * The part of JSON Schema 2020-12 that docs/status.schema.json uses. A keyword beyond it is an
 * error, so that no rule of the schema goes unchecked.
 */
type Schema = Readonly<Record<string, unknown>>;

const ANNOTATIONS = new Set(["$schema", "$defs", "title", "description", "required", "properties"]);

export const SCHEMA = JSON.parse(readFileSync("docs/status.schema.json", "utf8")) as Schema;

/** What is wrong with `value` by docs/status.schema.json. @param name of one in its $defs; undefined: the whole */
export function problemsOf(value: unknown, name?: string): string[] {
  return validate(SCHEMA, value, name === undefined ? SCHEMA : definitionOf(SCHEMA, name));
}

export function validate(root: Schema, value: unknown, schema: Schema = root, at = "$"): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    if (ANNOTATIONS.has(keyword)) return [];
    const check = KEYWORDS[keyword];
    if (check === undefined) return [`${at}: keyword ${keyword} is not known here`];
    return check({ root, value, schema, at }, rule);
  }).concat(missing(schema, value, at), nested(root, schema, value, at));
}

interface Context {
  readonly root: Schema;
  readonly value: unknown;
  readonly schema: Schema;
  readonly at: string;
}

const KEYWORDS: Record<string, (context: Context, rule: unknown) => string[]> = {
  type: ({ value, at }, rule) => typeOf(value, rule) ? [] : [`${at}: not of type ${rule}`],
  const: ({ value, at }, rule) => value === rule ? [] : [`${at}: ${value} is not ${rule}`],
  enum: ({ value, at }, rule) =>
    (rule as unknown[]).includes(value) ? [] : [`${at}: ${value} is none of ${rule}`],
  minimum: ({ value, at }, rule) => Number(value) >= Number(rule) ? [] : [`${at}: below ${rule}`],
  pattern: ({ value, at }, rule) =>
    new RegExp(String(rule), "u").test(String(value)) ? [] : [`${at}: ${value} is not ${rule}`],
  items: ({ root, value, at }, rule) =>
    (value as unknown[]).flatMap((item, i) => validate(root, item, rule as Schema, `${at}[${i}]`)),
  additionalProperties: ({ root, value, schema, at }, rule) =>
    Object.entries(value as object)
      .filter(([name]) => !(name in ((schema["properties"] ?? {}) as object)))
      .flatMap(([name, item]) =>
        rule === false
          ? [`${at}.${name}: unexpected`]
          : validate(root, item, rule as Schema, `${at}.${name}`)
      ),
  $ref: ({ root, value, at }, rule) => validate(root, value, definitionOf(root, rule), at),
};

function definitionOf(root: Schema, reference: unknown): Schema {
  const name = String(reference).replace("#/$defs/", "");
  return (root["$defs"] as Record<string, Schema>)[name]!;
}

function typeOf(value: unknown, type: unknown): boolean {
  if (Array.isArray(type)) return type.some((one) => typeOf(value, one));
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type && value !== null;
}

function missing(schema: Schema, value: unknown, at: string): string[] {
  const required = (schema["required"] ?? []) as string[];
  if (!typeOf(value, "object")) return [];
  return required.filter((name) => !(name in (value as object))).map((n) => `${at}.${n}: missing`);
}

function nested(root: Schema, schema: Schema, value: unknown, at: string): string[] {
  const properties = (schema["properties"] ?? {}) as Record<string, Schema>;
  if (!typeOf(value, "object")) return [];
  const object = value as Record<string, unknown>;
  return Object.entries(properties)
    .filter(([name]) => name in object)
    .flatMap(([name, inner]) => validate(root, object[name], inner, `${at}.${name}`));
}
