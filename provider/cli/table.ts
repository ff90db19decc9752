import { stripVTControlCharacters } from "node:util";

const GAP = "  ";
const PLAIN = /^[\x20-\x7e]*$/;

/** How many columns a text takes on a terminal; wide (East Asian) characters and emoji count two. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length; // most cells, and a hundred times faster
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(stripVTControlCharacters(text))) {
    width +=
      /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
        segment,
      )
        ? 2
        : 1;
  }
  return width;
}

/** Cuts a plain text to at most `columns`, with an ellipsis. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(kept) + widthOf(segment) > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Columns side by side, each as wide as its widest cell; the last one isn't padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
  }
  return rows.map((row) => {
    const cells = row.map((cell, index) => cell + " ".repeat((widths[index] ?? 0) - widthOf(cell)));
    return cells.join(GAP).trimEnd();
  });
}

/** A node of a printed tree. */
export interface TreeNode {
  label: string;
  children: readonly TreeNode[];
}

/** The lines of a forest, framed: roots at the margin, each child on a line of its own. */
export function treeLines(roots: readonly TreeNode[], { unicode }: { unicode: boolean }): string[] {
  const [tee, corner, bar] = unicode ? ["├─ ", "└─ ", "│  "] : ["|- ", "`- ", "|  "];
  const lines: string[] = [];
  const add = (nodes: readonly TreeNode[], indent: string) => {
    for (const [index, node] of nodes.entries()) {
      const last = index === nodes.length - 1;
      lines.push(`${indent}${last ? corner : tee}${node.label}`);
      add(node.children, `${indent}${last ? "   " : bar}`);
    }
  };
  for (const root of roots) {
    lines.push(root.label);
    add(root.children, "");
  }
  return lines;
}
