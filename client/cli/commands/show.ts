import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { ago } from '../render/table.ts'

export default command({
  name: 'show',
  positional: '[REVISION]',
  describe: `Show a revision of the stack: who made it, when, its images, its model

Without a revision: the one that the stack is meant to be at. Values of environment variables, build arguments and inline configs stand as numbers unless --values is given.`,
  options: {
    values: { type: 'boolean', describe: 'Show values as well: passwords may be among them' },
    format: { type: 'string', describe: 'Format the output', choices: ['yaml', 'json'], default: 'yaml' },
  },
  examples: [['evenkeel show --values 3 > compose.yaml', 'the file of revision 3, to use elsewhere']],
  async run(context, values, words) {
    const { api, output } = context
    if (words.length > 1) throw new Problem('bad-request', `one revision, not ${words.join(' and ')}`)
    const stack = await context.stackName()
    const number = words[0] ?? String((await api.call('stack', { stack })).revision ?? '')
    if (!/^[1-9]\d{0,8}$/.test(number)) {
      throw new Problem('bad-request', `"${number}" is no number of a revision`, { hint: 'see: evenkeel history' })
    }
    const { model, ...revision } = await api.call('revision', { stack, number })
    if (model === undefined) throw new Problem('internal', `revision ${number} came without its model`)
    const { Redaction } = await import('../render/redact.ts')
    const shown = values.values === true ? model : new Redaction().of(model)
    if (values.format === 'json') {
      output.json({ ...revision, model: shown })
      return 0
    }
    const { renderConfigYaml } = await import('../../../protocol/stackfile/render.ts')
    const { source } = revision
    const facts = [
      `revision ${number} of ${stack}${revision.current ? ', the current one' : ''}`,
      `made ${ago(revision.createdAt, new Date())} (${revision.createdAt}) by ${revision.author}`,
      ...(revision.note === undefined ? [] : [`note: ${revision.note}`]),
      `from ${source.configFiles.join(', ')} on ${source.host}`,
      ...revision.images.map(({ service, reference, imageId }) => `image of ${service}: ${reference} ${imageId}`),
    ]
    // Comments, so that the whole is a Compose file still.
    for (const fact of facts) output.line(`# ${fact.replaceAll('\n', ' ')}`)
    await output.write(renderConfigYaml(shown))
    return 0
  },
})
