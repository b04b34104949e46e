import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'
import { stackArgument } from '../stack-argument.ts'

export default command({
  name: 'eject',
  positional: '[STACK]',
  describe: 'Hand a stack back to Docker Compose: its containers stay, the daemon forgets it',
  options: {
    output: {
      type: 'string',
      alias: 'o',
      describe: 'Save the Compose file here (default to stdout)',
      placeholder: 'FILE',
    },
  },
  examples: [['evenkeel eject -o shop.yaml shop', 'then: docker compose -p shop -f shop.yaml up -d']],
  async run(context, values, words) {
    const { api, output } = context
    const stack = await stackArgument(context, words)
    const model = await api.call('model', { stack })
    const { serviceStates } = await api.call('stack', { stack })
    const { renderConfigYaml } = await import('../../../protocol/stackfile/render.ts')
    const text = renderConfigYaml(model)
    // The file first: a stack that was forgotten without it would be hard to hand on. It may hold secrets.
    if (values.output !== undefined) (await import('node:fs')).writeFileSync(values.output, text, { mode: 0o600 })
    await followDeployment(context, await api.call('eject', { stack }, {}))
    if (values.output === undefined) await output.write(text)
    const running = new Set(serviceStates.filter(({ run }) => run === 'running').map(({ name }) => name))
    const resting = Object.keys(model.services).filter((name) => !running.has(name))
    if (resting.length > 0)
      context.warn(
        `stopped here, with restart policy "no"; \`docker compose up\` would start them: ${resting.join(', ')}`,
      )
    output.note(
      `Stack ${stack} is no longer kept; its containers go on. With Docker Compose: docker compose -p ${stack} -f ${values.output ?? 'FILE'} up -d`,
    )
    return 0
  },
})
