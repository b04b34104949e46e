import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'

export default command({
  name: 'diff',
  positional: 'REVISION REVISION',
  describe: `Show what differs between the models of two revisions

Values of environment variables, build arguments and inline configs are not shown: each stands as a number, the same for the same value, so that a change is seen and a secret is not.`,
  options: {
    unified: { type: 'number', alias: 'U', describe: 'Lines of context', default: 3, placeholder: 'LINES' },
    quiet: { type: 'boolean', alias: 'q', describe: 'Only the exit code: 1 where they differ' },
  },
  examples: [['evenkeel diff 3 4', 'what revision 4 changed; see evenkeel history']],
  async run(context, values, words) {
    if (words.length !== 2) {
      throw new Problem('bad-request', 'diff needs two revisions', {
        hint: 'for example: evenkeel diff 1 2; they are listed by evenkeel history',
      })
    }
    const stack = await context.stackName()
    const models = await Promise.all(
      words.map(async (number) => {
        if (!/^\d{1,9}$/.test(number)) throw new Problem('bad-request', `"${number}" is no number of a revision`)
        const { model } = await context.api.call('revision', { stack, number })
        if (model === undefined) throw new Problem('internal', `revision ${number} came without its model`)
        return model
      }),
    )
    const [{ Redaction }, { renderConfigYaml }, { unifiedDiff }] = await Promise.all([
      import('../render/redact.ts'),
      import('../../../protocol/stackfile/render.ts'),
      import('../render/unified-diff.ts'),
    ])
    const redaction = new Redaction()
    const [before, after] = models.map((model) => renderConfigYaml(redaction.of(model)).trimEnd().split('\n'))
    const hunks = unifiedDiff(before!, after!, Math.max(values.unified, 0))
    if (hunks.length === 0) return 0
    if (values.quiet !== true) {
      const { colors } = context.output
      context.output.line(colors.bold(`--- ${stack} revision ${words[0]}\n+++ ${stack} revision ${words[1]}`))
      for (const line of hunks) {
        const paint = line.startsWith('@@')
          ? colors.cyan
          : line.startsWith('+')
            ? colors.green
            : line.startsWith('-')
              ? colors.red
              : String
        context.output.line(paint(line))
      }
    }
    return 1
  },
})
