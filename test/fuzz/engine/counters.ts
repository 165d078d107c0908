import { parseSync, visitorKeys } from "oxc-parser";
import { reserve } from "./branches.ts";

/**
 * Puts a counter into each branch of a source. Text is added to lines, and no line moves, so that stack
 * traces stay true.
 */

const COUNTS = "$taken";

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** The source with a counter in each branch. @param name of the file, by its ending its language */
export function withCounters(name: string, text: string): string {
  const { program, errors } = parseSync(name, text);
  if (errors.length > 0) throw new Error(`${name}: ${errors[0]!.message}`);
  const inserter = new Inserter();
  inserter.visit(program as unknown as Node);
  return inserter.apply(text, (program as unknown as { body: Node[] }).body[0]?.start ?? 0);
}

const LOOPS = new Set([
  ..."ForStatement ForInStatement ForOfStatement WhileStatement DoWhileStatement".split(" "),
]);
const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);
const SHORT_ASSIGNMENTS = new Set(["&&=", "||=", "??="]);

class Inserter {
  readonly #openings: [at: number, branch: number, text: (count: string) => string][] = [];
  readonly #closings: [at: number, branch: number | undefined, text: (count: string) => string][] =
    [];
  #branches = 0;

  visit(node: Node): void {
    const parts = this.#branchesOf(node);
    for (const { open, at } of parts) this.#openings.push([at, this.#branches++, open]);
    const own = parts.map((_, i) => this.#branches - parts.length + i);
    for (const key of visitorKeys[node.type] ?? []) {
      const child = node[key] as Node | Node[] | null | undefined;
      for (const it of Array.isArray(child) ? child : [child]) if (it) this.visit(it);
    }
    parts.forEach(({ close, end }, i) => {
      if (close !== undefined) this.#closings.push([end!, own[i], close]);
    });
    if (node.type === "IfStatement" && node["alternate"] === null) {
      this.#closings.push([node.end, this.#branches++, (count) => ` else {${count}}`]);
    }
  }

  #branchesOf(node: Node): Part[] {
    const child = (key: string) => node[key] as Node | null;
    if (FUNCTIONS.has(node.type)) {
      const body = child("body");
      if (body === null) return [];
      return [isBlock(body) ? inside(body) : expression(body)];
    }
    if (LOOPS.has(node.type)) return [statement(child("body")!)];
    switch (node.type) {
      case "IfStatement": {
        const alternate = child("alternate");
        const first = statement(child("consequent")!);
        return alternate === null ? [first] : [first, statement(alternate)];
      }
      case "ConditionalExpression":
        return [expression(child("consequent")!), expression(child("alternate")!)];
      case "LogicalExpression":
      case "AssignmentPattern":
        return [expression(child("right")!)];
      case "AssignmentExpression":
        return SHORT_ASSIGNMENTS.has(node["operator"] as string)
          ? [expression(child("right")!)]
          : [];
      case "SwitchCase": {
        const [first] = node["consequent"] as Node[];
        if (first === undefined) return [];
        return [isBlock(first) ? inside(first) : { at: first.start, open: (c) => `${c};` }];
      }
      case "CatchClause":
        return [inside(child("body")!)];
      default:
        return [];
    }
  }

  apply(text: string, head: number): string {
    const first = reserve(this.#branches);
    const countOf = (branch: number | undefined) => `${COUNTS}[${first + branch!}]++`;
    // Where one thing ends and another begins, what ends comes first.
    const all = [
      [head, -1, `const ${COUNTS}=globalThis.takenBranches;`] as const,
      ...this.#closings.map(([at, branch, make]) => [at, 0, make(countOf(branch))] as const),
      ...this.#openings.map(([at, branch, make]) => [at, 1, make(countOf(branch))] as const),
    ].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    let at = 0;
    const parts: string[] = [];
    for (const [to, , inserted] of all) {
      parts.push(text.slice(at, to), inserted);
      at = to;
    }
    return parts.join("") + text.slice(at);
  }
}

interface Part {
  readonly at: number;
  readonly open: (count: string) => string;
  readonly end?: number;
  readonly close?: (count: string) => string;
}

const isBlock = ({ type }: Node) => type === "BlockStatement" || type === "FunctionBody";
const inside = ({ start }: Node): Part => ({ at: start + 1, open: (count) => `${count};` });
const expression = ({ start, end }: Node): Part => ({
  at: start,
  open: (count) => `(${count},`,
  end,
  close: () => ")",
});
const statement = (node: Node): Part =>
  isBlock(node)
    ? inside(node)
    : { at: node.start, open: (count) => `{${count};`, end: node.end, close: () => "}" };
