import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { table } from '../render/table.ts'

export default command({
  name: 'audit',
  describe: 'Show who did what, from where, and what came of it: newest first',
  options: {
    actor: { type: 'string', describe: 'Only what this user, token or socket did', placeholder: 'NAME' },
    action: { type: 'string', describe: 'Only this action, such as up', placeholder: 'ACTION' },
    object: { type: 'string', describe: 'Only what was done to this, such as a stack', placeholder: 'NAME' },
    outcome: { type: 'string', describe: 'Only what ended so', choices: ['done', 'refused', 'failed'] },
    since: { type: 'string', describe: 'Only from this time on (ISO 8601, UTC)', placeholder: 'TIME' },
    until: { type: 'string', describe: 'Only before this time (ISO 8601, UTC)', placeholder: 'TIME' },
    tail: { type: 'number', describe: 'How many entries', alias: 'n', default: 100, placeholder: 'N' },
    verify: { type: 'boolean', describe: 'Instead, check that no entry was changed or taken away' },
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run({ api, output }, values) {
    if (values.verify === true) {
      const found = await api.call('verifyAudit')
      if (values.format === 'json') output.json(found)
      else if (found.intact)
        output.line(
          `The audit log is intact: ${found.entries} entries.${found.head === undefined ? '' : ` Its head: ${found.head}`}`,
        )
      else output.line(`The audit log is broken: entry ${found.brokenAt} does not fit to what stands before it.`)
      return found.intact ? 0 : 1
    }
    if (values.tail < 1) throw new Problem('bad-request', '--tail is to be at least 1')
    const { tail } = values
    const asked = ['actor', 'action', 'object', 'outcome', 'since', 'until'] as const
    const filters = Object.fromEntries(asked.flatMap((key) => (values[key] === undefined ? [] : [[key, values[key]]])))
    const rows: string[][] = []
    for (let before: number | undefined, left = tail; left > 0; ) {
      const page = { ...filters, limit: Math.min(left, 1000), ...(before === undefined ? {} : { before }) }
      const { entries } = await api.call('audit', {}, undefined, page)
      if (values.format === 'json') for (const entry of entries) output.line(JSON.stringify(entry))
      for (const entry of entries) {
        const outcome = entry.code === undefined ? entry.outcome : `${entry.outcome} (${entry.code})`
        rows.push([entry.at, entry.actor, entry.origin, entry.action, entry.object, outcome])
      }
      left -= entries.length
      before = entries.at(-1)?.sequence
      if (entries.length < page.limit) break
    }
    if (values.format === 'table')
      await output.write(`${table(['TIME', 'WHO', 'FROM', 'ACTION', 'OBJECT', 'OUTCOME'], rows)}\n`)
    return 0
  },
})
