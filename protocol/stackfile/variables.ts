/** Which variables a stack file asks for, and with which default; `config --variables` lists them. */
import type { Budget } from './budget.ts'
import type { Span } from './source-text.ts'
import { pieces } from './template.ts'
import type { Node } from './tree.ts'

export interface Variable {
  readonly name: string
  readonly required: boolean
  /** Value where the variable is not set. */
  readonly default: string
  /** Value where the variable is set (`:+`). */
  readonly alternate: string
}

export class VariableList {
  readonly #found = new Map<string, Variable>()

  addTree(node: Node, budget: Budget): void {
    if (node.kind === 'map') for (const value of node.entries.values()) this.addTree(value, budget)
    else if (node.kind === 'list') for (const item of node.items) this.addTree(item, budget)
    else if (node.type === 'string') this.#addText(node.value as string, 0, node.at, budget)
  }

  list(): Variable[] {
    return [...this.#found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #addText(text: string, depth: number, at: Span, budget: Budget): void {
    if (depth > 100 || !text.includes('$')) return
    budget.spendInterpolated(text.length, at)
    for (const piece of pieces(text)) {
      if (piece.kind !== 'variable') continue
      const { name, operator, argument } = piece
      this.#found.set(name, {
        name,
        required: operator?.endsWith('?') ?? false,
        default: operator?.endsWith('-') ? argument : '',
        alternate: operator?.endsWith('+') ? argument : '',
      })
      if (operator?.endsWith('?') === false) this.#addText(argument, depth + 1, at, budget)
    }
  }
}
