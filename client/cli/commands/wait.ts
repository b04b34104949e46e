import { Problem } from '../../../protocol/problems.ts'
import type { WaitFrame } from '../../../protocol/streams.ts'
import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'wait',
  positional: 'SERVICE [SERVICE...]',
  describe: `Block until the containers of services stop; the exit code is that of the last one

A container that is restarted afterwards, by its policy or by the daemon, has stopped all the same.`,
  options: { 'down-project': { type: 'boolean', describe: 'Take the stack down once they have stopped' } },
  async run(context, values, services) {
    if (services.length === 0) {
      throw new Problem('bad-request', 'wait needs at least 1 service', { hint: 'for example: evenkeel wait job' })
    }
    const stack = await context.stackName()
    const stream = await context.api.stream<WaitFrame>('wait', { stack }, { services: services.join(',') })
    const interrupted = () => process.exit(130)
    process.once('SIGINT', interrupted)
    let exitCode = 0
    for await (const frame of stream) {
      if (frame.type === 'end') {
        if (frame.problem !== undefined) throw Problem.fromDetails(frame.problem)
        break
      }
      exitCode = frame.exitCode
      context.output.line(`container "${frame.container}" exited with status code ${frame.exitCode}`)
    }
    stream.close()
    process.removeListener('SIGINT', interrupted)
    if (values['down-project'] === true) {
      await followDeployment(context, await context.api.call('down', { stack }, {}))
    }
    return exitCode
  },
})
