/**
 * What can be changed in a source file, one change at a time: operators, conditions, constants, calls.
 * The files are read by the compiler that also checks them: its API is told unstable, and its version
 * is pinned.
 */
import { API, type Program } from "typescript/unstable/async";
import {
  type BinaryExpression,
  type Expression,
  type Node,
  type SourceFile,
  SyntaxKind,
} from "typescript/unstable/ast";
import {
  isAwaitExpression,
  isBinaryExpression,
  isCallExpression,
  isCaseClause,
  isConditionalExpression,
  isDoStatement,
  isExpressionStatement,
  isForStatement,
  isIfStatement,
  isImportDeclaration,
  isNumericLiteral,
  isPostfixUnaryExpression,
  isPrefixUnaryExpression,
  isStringLiteral,
  isTypeNode,
  isWhileStatement,
} from "typescript/unstable/ast/is";

export type Kind = "operator" | "condition" | "constant" | "call";

/** One change: the bytes from `start` to `end` of `path` become `text`. */
export interface Mutant {
  readonly path: string;
  readonly line: number;
  /** That line, without the blanks around it. */
  readonly code: string;
  readonly start: number;
  readonly end: number;
  readonly was: string;
  readonly text: string;
  readonly kind: Kind;
  /** Which of those that are the same change of the same line elsewhere in the file; from 0. */
  readonly nth: number;
}

/** What is written in an operator's place. */
const OPERATORS: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "&": "|",
  "|": "&",
  "^": "&",
  "<<": ">>",
  ">>": "<<",
  ">>>": "<<",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "&&": "||",
  "||": "&&",
  "??": "&&",
  "+=": "-=",
  "-=": "+=",
  "*=": "/=",
  "|=": "&=",
  "&=": "|=",
  "^=": "&=",
  "<<=": ">>=",
  ">>=": "<<=",
  ">>>=": "<<=",
  "??=": "=",
  "++": "--",
  "--": "++",
};

/** Everything that can be changed in these files, in their order. @param paths from the top of the project */
export async function mutantsOf(paths: readonly string[]): Promise<Mutant[]> {
  const api = new API({ cwd: process.cwd() });
  try {
    const config = `${process.cwd()}/tsconfig.json`;
    const snapshot = await api.updateSnapshot({ openProjects: [config] });
    const { program } = snapshot.getProject(config)!;
    const all: Mutant[] = [];
    for (const path of paths) all.push(...mutantsIn(path, await parsed(program, path)));
    return all;
  } finally {
    await api.close();
  }
}

async function parsed(program: Program, path: string): Promise<SourceFile> {
  const file = await program.getSourceFile(`${process.cwd()}/${path}`);
  if (file === undefined) throw new Error(`${path} is no source file of this project`);
  return file;
}

function mutantsIn(path: string, file: SourceFile): Mutant[] {
  const found: Mutant[] = [];
  const lines = lineStarts(file.text);
  const change = (kind: Kind, start: number, end: number, text: string) => {
    const was = file.text.slice(start, end);
    if (was === text) return;
    const line = lines.findLastIndex((at) => at <= start) + 1;
    const code = file.text.slice(lines[line - 1], lines[line]).trim();
    const isSame = (one: Mutant) => one.code === code && one.was === was && one.text === text;
    const nth = found.filter(isSame).length;
    found.push({ path, line, code, start, end, was, text, kind, nth });
  };
  const replace = (kind: Kind, node: Node, text: string) =>
    change(kind, node.getStart(file), node.end, text);
  const decides = (condition: Expression | undefined, ...values: string[]) => {
    if (condition === undefined || /^(true|false)$/.test(condition.getText(file))) return;
    for (const value of values) replace("condition", condition, value);
  };

  const visit = (node: Node): void => {
    if (isTypeNode(node) || isImportDeclaration(node)) return;
    if (isBinaryExpression(node)) {
      const text = OPERATORS[node.operatorToken.getText(file)];
      if (text !== undefined && !joinsText(node, file)) {
        replace("operator", node.operatorToken, text);
      }
    } else if (isPrefixUnaryExpression(node) || isPostfixUnaryExpression(node)) {
      const sign = file.text.slice(node.getStart(file), node.operand.getStart(file));
      if (isPostfixUnaryExpression(node)) {
        change(
          "operator",
          node.end - 2,
          node.end,
          OPERATORS[file.text.slice(node.end - 2, node.end)]!,
        );
      } else if (sign === "++" || sign === "--") {
        change("operator", node.getStart(file), node.getStart(file) + 2, OPERATORS[sign]!);
      } else change("operator", node.getStart(file), node.operand.getStart(file), "");
    } else if (isIfStatement(node)) decides(node.expression, "true", "false");
    else if (isConditionalExpression(node)) decides(node.condition, "true", "false");
    // A loop without an end is found by the limit alone: one that never begins tells as much.
    else if (isWhileStatement(node) || isDoStatement(node)) decides(node.expression, "false");
    else if (isForStatement(node)) decides(node.condition, "false");
    else if (isNumericLiteral(node) || node.kind === SyntaxKind.BigIntLiteral) {
      replace("constant", node, next(node.getText(file)));
    } else if (node.kind === SyntaxKind.TrueKeyword) replace("constant", node, "false");
    else if (node.kind === SyntaxKind.FalseKeyword) replace("constant", node, "true");
    else if (isStringLiteral(node) && isCompared(node)) replace("constant", node, '""');
    else if (isExpressionStatement(node)) {
      const call = isAwaitExpression(node.expression)
        ? node.expression.expression
        : node.expression;
      if (isCallExpression(call) && call.expression.kind !== SyntaxKind.SuperKeyword) {
        replace("call", node.expression, "void 0");
      }
    }
    node.forEachChild(visit);
  };
  visit(file);
  return found;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Sums of texts have no other operator. */
function joinsText({ left, operatorToken, right }: BinaryExpression, file: SourceFile): boolean {
  return operatorToken.kind === SyntaxKind.PlusToken &&
    [left, right].some((side) => /^["`]/.test(side.getText(file)));
}

/** Other texts are words for people. */
function isCompared(node: Node): boolean {
  const { parent } = node;
  return isCaseClause(parent) ||
    (isBinaryExpression(parent) && /^[!=]==$/.test(parent.operatorToken.getText()));
}

/** The next number. */
function next(text: string): string {
  const digits = text.replaceAll("_", "");
  return digits.endsWith("n") ? `${BigInt(digits.slice(0, -1)) + 1n}n` : String(Number(digits) + 1);
}
