import { command } from '../command.ts'
import { ago, table } from '../render/table.ts'

export default command({
  name: 'history',
  describe: 'Show the revisions and deployments of the stack',
  options: {
    deployments: { type: 'boolean', describe: 'Show deployments instead of revisions' },
    limit: { type: 'number', alias: 'n', describe: 'How many', placeholder: 'N', default: 20 },
    quiet: { type: 'boolean', alias: 'q', describe: 'Only numbers of revisions, or ids of deployments' },
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run(context, values) {
    const stack = await context.stackName()
    const { output } = context
    const now = new Date()
    const limit = { limit: values.limit }
    if (values.deployments === true) {
      const { deployments } = await context.api.call('deployments', { stack }, undefined, limit)
      if (values.format === 'json') output.json(deployments)
      else if (values.quiet === true) for (const { id } of deployments) output.line(id)
      else {
        output.line(
          table(
            ['DEPLOYMENT', 'KIND', 'REVISION', 'STATE', 'STARTED', 'TOOK', 'BY', 'ERROR'],
            deployments.map((deployment) => [
              deployment.id.slice(0, 8),
              deployment.kind,
              String(deployment.revision ?? ''),
              deployment.state,
              ago(deployment.startedAt ?? deployment.createdAt, now),
              tookOf(deployment.startedAt, deployment.endedAt),
              deployment.requestedBy,
              deployment.error?.detail.split('\n')[0] ?? '',
            ]),
          ),
        )
      }
      return 0
    }
    const { revisions } = await context.api.call('revisions', { stack }, undefined, limit)
    if (values.format === 'json') output.json(revisions)
    else if (values.quiet === true) for (const { number } of revisions) output.line(String(number))
    else {
      output.line(
        table(
          ['REVISION', 'CREATED', 'BY', 'IMAGES', 'NOTE'],
          revisions.map((revision) => [
            `${revision.number}${revision.current ? ' *' : ''}`,
            ago(revision.createdAt, now),
            revision.author,
            [...new Set(revision.images.map((image) => image.reference))].join(', '),
            revision.note ?? '',
          ]),
        ),
      )
    }
    return 0
  },
})

function tookOf(start: string | undefined, end: string | undefined): string {
  return start === undefined || end === undefined ? '' : `${((Date.parse(end) - Date.parse(start)) / 1000).toFixed(1)}s`
}
