/** Hands a stack to the daemon, as `up` and `create` do. A name in use from another source is asked about at a terminal. */
import { Problem } from '../../protocol/problems.ts'
import type { Accepted } from '../../protocol/resources/deployment.ts'
import type { UpRequestInput } from '../../protocol/resources/stack.ts'
import type { Context } from './command.ts'
import { confirm } from './confirm.ts'

export async function declareStack(
  { api, output }: Context,
  request: UpRequestInput,
  isSure: boolean,
): Promise<Accepted> {
  const stack = request.model.name
  try {
    return await api.call('up', { stack }, request)
  } catch (error) {
    const mayAsk = error instanceof Problem && error.code === 'stack-owned-elsewhere' && output.isInteractive
    if (!mayAsk || !(isSure || (await confirm(`${error.message}. Take it over?`)))) throw error
    return api.call('up', { stack }, { ...request, options: { ...request.options, takeOver: true } })
  }
}
