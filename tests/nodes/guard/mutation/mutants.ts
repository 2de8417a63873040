/**
 * Small mistakes in the guard's source, one at a time: each is a mutant. All mutants of a file are written into one
 * text, and `__m` says at run time which of them is active: so that a bundle is built once for all.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { REPO } from "../../../../common/paths.js";

export const GUARD = join(REPO, "nodes/guard");

export interface Mutant {
  readonly id: number;
  /** Below `nodes/guard/`. */
  readonly file: string;
  /** Function, method or constant that it is in. */
  readonly within: string;
  readonly from: string;
  readonly to: string;
  /** Tells apart the same change of the same text within the same function: 1 for the first. */
  readonly nth: number;
  readonly line: number;
}

/** What a mutant is known by: stays the same when comments change or lines move. */
export const keyOf = ({ file, within, from, to, nth }: Omit<Mutant, "id" | "line">): string =>
  `${file} ${within}: ${from} => ${to}${nth > 1 ? ` (${nth})` : ""}`;

const BOUNDARY: Readonly<Record<string, string>> = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" };
const EQUALITY = ["===", "!=="];
const LOGICAL: Readonly<Record<string, string>> = { "&&": "||", "||": "&&" };
const ARITHMETIC: Readonly<Record<string, string>> = { "+": "-", "-": "+", "*": "/", "/": "*" };
const METHODS: Readonly<Record<string, string>> = {
  min: "max",
  max: "min",
  some: "every",
  every: "some",
  floor: "ceil",
  ceil: "floor",
  find: "findLast",
};
/** Strings that decide something. All others are texts for people, or names. */
const DECIDING = ["kind", "state", "role", "as"];
/** Calls that only write to the log. */
const LOGS = /^(this\.)?(ports\.)?(log|say|note|tellClaims)$|\.log$/;

const isTest = (node: ts.Expression): boolean => {
  const { parent } = node;
  if (ts.isIfStatement(parent) || ts.isWhileStatement(parent) || ts.isDoStatement(parent))
    return parent.expression === node;
  if (ts.isConditionalExpression(parent)) return parent.condition === node;
  if (ts.isPrefixUnaryExpression(parent)) return parent.operator === ts.SyntaxKind.ExclamationToken;
  return ts.isBinaryExpression(parent) && parent.operatorToken.getText() in LOGICAL;
};

/** @returns the texts that may take the place of an expression */
function replacements(node: ts.Expression): string[] {
  const found: string[] = [];
  const isComparison =
    ts.isBinaryExpression(node) &&
    (node.operatorToken.getText() in BOUNDARY || EQUALITY.includes(node.operatorToken.getText()));
  const isLogical = ts.isBinaryExpression(node) && node.operatorToken.getText() in LOGICAL;
  // A whole && or || says no more than its operands do, but where it is a condition.
  // Its opposite is noticed wherever one of these two is.
  if ((isTest(node) && !ts.isParenthesizedExpression(node)) || isComparison) found.push("true", "false");
  if (ts.isBinaryExpression(node)) {
    const [left, operator, right] = [node.left.getText(), node.operatorToken.getText(), node.right.getText()];
    const swapped = BOUNDARY[operator] ?? (isLogical ? LOGICAL[operator] : undefined);
    if (swapped) found.push(`${left} ${swapped} ${right}`);
    const isText = [node.left, node.right].some((side) => ts.isStringLiteralLike(side));
    if (ARITHMETIC[operator] && !isText) found.push(`${left} ${ARITHMETIC[operator]} ${right}`);
    if (operator === "??") found.push(left, right);
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) found.push("false");
  if (node.kind === ts.SyntaxKind.FalseKeyword) found.push("true");
  if (ts.isNumericLiteral(node)) {
    const value = Number(node.text);
    // Of a time of seconds one millisecond more or less says nothing.
    if (value >= 100) found.push(String(value * 2), String(Math.floor(value / 2)));
    else found.push(String(value + 1), ...(value === 0 ? [] : [String(value - 1)]));
  }
  if (ts.isStringLiteral(node) && ts.isPropertyAssignment(node.parent))
    if (node.parent.initializer === node && DECIDING.includes(node.parent.name.getText())) found.push('""');
  if (ts.isArrayLiteralExpression(node) && node.elements.length > 0) found.push("[]");
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { expression, name } = node.expression;
    const args = node.arguments.map((each) => each.getText()).join(", ");
    const other = Object.hasOwn(METHODS, name.text) ? METHODS[name.text] : undefined;
    if (other) found.push(`${expression.getText()}.${other}(${args})`);
    if (name.text === "filter") found.push(expression.getText());
  }
  if (ts.isAwaitExpression(node) && ts.isExpressionStatement(node.parent))
    found.push(node.expression.getText());
  return [...new Set(found)].filter((text) => text !== node.getText());
}

const isLog = (node: ts.Node): boolean =>
  ts.isCallExpression(node) && LOGS.test(node.expression.getText().replaceAll(/[?\s]/g, ""));

/** What is written for people: an error, a line of the log, a reason. */
const isForPeople = (node: ts.Node): boolean =>
  isLog(node) ||
  ts.isTemplateExpression(node) ||
  (ts.isPropertyAssignment(node) && node.name.getText() === "reason") ||
  (ts.isNewExpression(node) && node.expression.getText() === "Error");

/** Places where no expression may be put in parentheses, or none that is evaluated stands. */
const isFixed = (node: ts.Node): boolean =>
  ts.isTypeNode(node) ||
  ts.isImportDeclaration(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  isForPeople(node);

const words = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "").replaceAll(/\s+/g, " ");

function withinOf(node: ts.Node): string {
  const names: string[] = [];
  for (let at: ts.Node | undefined = node; at; at = at.parent) {
    const isConstant = ts.isVariableDeclaration(at) && ts.isSourceFile(at.parent.parent.parent);
    if (
      ts.isFunctionDeclaration(at) ||
      ts.isMethodDeclaration(at) ||
      ts.isClassDeclaration(at) ||
      ts.isAccessor(at) ||
      ts.isPropertyDeclaration(at)
    )
      names.unshift(at.name?.getText() ?? "");
    else if (isConstant) names.unshift((at as ts.VariableDeclaration).name.getText());
    if (ts.isConstructorDeclaration(at)) names.unshift("constructor");
  }
  return names.join(".");
}

/** @returns the mutants of a file, and its text with all of them in it */
export function mutantsOf(
  file: string,
  firstId: number,
): { readonly mutants: readonly Mutant[]; readonly text: string } {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(GUARD, file), "utf8"),
    ts.ScriptTarget.Latest,
    true,
  );
  const mutants: Mutant[] = [];
  const seen = new Map<string, number>();
  const note = (node: ts.Node, from: string, to: string): number => {
    const known = { file, within: withinOf(node), from: words(from).trim(), to: words(to).trim() };
    const key = keyOf({ ...known, nth: 1 });
    const nth = (seen.get(key) ?? 0) + 1;
    seen.set(key, nth);
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    const id = firstId + mutants.length;
    mutants.push({ ...known, id, nth, line });
    return id;
  };

  /** The text of a node, with the mutants of all that is in it. */
  const render = (node: ts.Node): string => {
    if (isFixed(node)) return node.getText();
    const statement = renderStatement(node);
    if (statement !== undefined) return statement;
    const changes = ts.isExpression(node) && mayBeReplaced(node) ? replacements(node) : [];
    const choices = changes.map((to) => `__m.is(${note(node, node.getText(), to)}) ? (${to}) : `);
    const text = renderChildren(node);
    return choices.length === 0 ? text : `(${choices.join("")}(${text}))`;
  };
  const renderChildren = (node: ts.Node): string => {
    let text = "";
    let from = node.getStart();
    for (const child of node.getChildren().filter((each) => each.kind !== ts.SyntaxKind.JSDoc)) {
      text += source.text.slice(from, child.getStart());
      text += child.kind === ts.SyntaxKind.SyntaxList ? renderChildren(child) : render(child);
      from = child.getEnd();
    }
    return from === node.getStart() ? node.getText() : text + source.text.slice(from, node.getEnd());
  };
  /** Statements, and properties of what is copied and changed, that may be left out. */
  const renderStatement = (node: ts.Node): string | undefined => {
    if (ts.isExpressionStatement(node)) {
      const inner = ts.isAwaitExpression(node.expression) ? node.expression.expression : node.expression;
      const called = ts.isVoidExpression(inner) ? inner.expression : inner;
      if (isLog(called)) return undefined;
      const id = note(node, node.getText(), "");
      // In separate braces: an `else` that follows belongs to the `if` before.
      return `{ if (!__m.is(${id})) { ${renderChildren(node)} } }`;
    }
    const { parent } = node;
    if (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) {
      const isCopy =
        ts.isObjectLiteralExpression(parent) &&
        parent.properties.some((each) => ts.isSpreadAssignment(each)) &&
        !ts.isBinaryExpression(parent.parent);
      if (!isCopy) return undefined;
      const id = note(node, node.getText(), "");
      return `...(__m.is(${id}) ? {} : { ${renderChildren(node)} })`;
    }
    return undefined;
  };
  return { text: render(source), mutants };
}

function mayBeReplaced(node: ts.Expression): boolean {
  const { parent } = node;
  // Names of properties, of cases, and what is assigned to or passed a template by.
  if (ts.isPropertyAssignment(parent) && parent.name === (node as ts.Node)) return false;
  if (ts.isCaseClause(parent) && parent.expression === node) return false;
  if (ts.isBinaryExpression(parent) && parent.left === node && parent.operatorToken.getText() === "=")
    return false;
  if (ts.isEnumMember(parent) || ts.isLiteralTypeNode(parent) || ts.isExternalModuleReference(parent))
    return false;
  if (ts.isCallExpression(parent) && parent.expression === node) return false;
  if (ts.isArrayLiteralExpression(node) && ts.isBinaryExpression(parent) && parent.left === node)
    return false;
  return true;
}
