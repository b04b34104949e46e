/** The files that are there already when the watch begins, for rules that bring them into the container at once. */
import { lstatSync } from 'node:fs'
import { walkFolder } from '../build-tar.ts'
import { matchRule, type WatchRule } from './rules.ts'

/** By their place in the container. */
export function initialFiles(rule: WatchRule): Map<string, string> {
  const files = new Map<string, string>()
  const stats = lstatSync(rule.path, { throwIfNoEntry: false })
  const add = (path: string) => {
    const target = matchRule(rule, path)?.target
    if (target !== undefined) files.set(target, path)
  }
  if (stats?.isFile() === true) add(rule.path)
  else if (stats?.isDirectory() === true) {
    const selection = { folder: rule.path, ignore: [], keep: new Set<string>(), extra: {} }
    for (const [, found] of walkFolder(selection)) if (!found.stats.isDirectory()) add(found.absolute)
  }
  return files
}
