import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { renderDeployment } from '../render/deployment.ts'
import { ago, table, tookOf } from '../render/table.ts'
import { trialMark } from '../render/trial.ts'

export default command({
  name: 'history',
  positional: '[REVISION]',
  describe: `Show the revisions and deployments of the stack, or how one revision came up

With a revision: the deployments that led to it, each step with the time that it took, and what came through the ingress meanwhile: requests seen, failed (answered with 5xx, or cut) and slow (an answer that began after more than a second), and further tries to connect; of TCP the connections. Requests that their clients gave up have not failed.`,
  options: {
    deployments: { type: 'boolean', describe: 'Show deployments instead of revisions' },
    limit: { type: 'number', alias: 'n', describe: 'How many', placeholder: 'N', default: 20 },
    quiet: { type: 'boolean', alias: 'q', describe: 'Only numbers of revisions, or ids of deployments' },
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  examples: [['evenkeel history 3', 'how revision 3 came up']],
  async run(context, values, words) {
    const revision = revisionOf(words)
    const stack = await context.stackName()
    const { output } = context
    const now = new Date()
    const limit = { limit: values.limit }
    if (revision !== undefined || values.deployments === true) {
      const query = revision === undefined ? limit : { ...limit, revision }
      const { deployments } = await context.api.call('deployments', { stack }, undefined, query)
      if (revision !== undefined && deployments.length === 0)
        throw new Problem('revision-not-found', `no deployment of ${stack} led to revision ${revision}`, {
          hint: 'see: evenkeel history --deployments',
        })
      if (values.format === 'json') output.json(deployments)
      else if (values.quiet === true) for (const { id } of deployments) output.line(id)
      else if (revision !== undefined)
        output.line(deployments.map((deployment) => renderDeployment(deployment, now)).join('\n\n'))
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
              tookOf(deployment),
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
            `${revision.number}${revision.current ? ' *' : ''}${revision.trial === undefined ? '' : ` ${trialMark(revision.trial)}`}`,
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

function revisionOf(words: readonly string[]): number | undefined {
  const [word] = words
  if (word === undefined) return undefined
  if (words.length === 1 && /^[1-9]\d{0,8}$/.test(word)) return Number(word)
  throw new Problem('bad-request', `"${words.join(' ')}" is no number of a revision`, { hint: 'see: evenkeel history' })
}
