/** Rules that hold at certain paths of the tree, written as `services.*.ports`, where `*` is any key or list item. */

/** The rules for all that lies below one place. */
export interface Branch<T> {
  rule: T | undefined
  readonly children: Map<string, Branch<T>>
}

export class PathRules<T> {
  readonly root: Branch<T> = { rule: undefined, children: new Map() }

  constructor(table: Readonly<Record<string, T>>) {
    for (const [pattern, rule] of Object.entries(table)) {
      let branch = this.root
      for (const part of pattern.split('.')) {
        let next = branch.children.get(part)
        if (next === undefined) {
          next = { rule: undefined, children: new Map() }
          branch.children.set(part, next)
        }
        branch = next
      }
      branch.rule = rule
    }
  }

  at(path: readonly (string | number)[]): T | undefined {
    let branch: Branch<T> | undefined = this.root
    for (const part of path) branch = branchAt(branch, String(part))
    return branch?.rule
  }
}

/** One step down. */
export const branchAt = <T>(branch: Branch<T> | undefined, key: string): Branch<T> | undefined =>
  branch?.children.get(key) ?? branch?.children.get('*')
