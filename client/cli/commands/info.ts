import { command } from '../command.ts'

export default command({
  name: 'info',
  describe: 'Show the daemon and its Engine',
  options: { format: { type: 'string', describe: 'Format the output', choices: ['text', 'json'], default: 'text' } },
  async run(context, values) {
    const info = await context.api.call('info')
    if (values.format === 'json') {
      context.output.json(info)
      return 0
    }
    const { engine } = info
    const rows: [string, string][] = [
      ['Daemon', `evenkeeld ${info.version}, API ${info.apiVersion}, pid ${info.pid}`],
      ['Address', context.api.address.url],
      ['State', info.stateFolder],
      ['Running since', info.startedAt],
      ['Memory', `${(info.residentBytes / 1024 ** 2).toFixed(0)} MiB`],
      ['Stacks', String(info.stacks)],
      ...(info.held === undefined
        ? []
        : [['Held', `since ${info.held.since} (by ${info.held.by}): evenkeel resume --all`] as [string, string]]),
      [
        'Engine',
        engine.reachable
          ? `${engine.version}, API ${engine.apiVersion}, at ${engine.address}`
          : `does not answer at ${engine.address}: ${engine.detail ?? ''}`,
      ],
    ]
    for (const [name, value] of rows) context.output.line(`${`${name}:`.padEnd(15)}${value}`)
    for (const warning of engine.warnings ?? []) context.warn(warning)
    return engine.reachable ? 0 : 1
  },
})
