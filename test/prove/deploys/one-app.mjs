import { engineJson } from '../../lab/engine-call.mjs'
import { containersOf } from '../many-stacks.mjs'

/** Of a stack that has one service, `app`, with one replica of that version; undefined: nothing. */
export async function whatDiffers(engine, daemon, stack, version) {
  const containers = await containersOf(engine, [stack])
  const names = containers.map(({ Names, Status }) => `${Names[0]} (${Status})`).join(', ')
  if (containers.length !== 1 || containers[0].Names[0] !== `/${stack}-app-1`) return `there is ${names}`
  if (!/\(healthy\)/.test(containers[0].Status)) return names
  const { Config } = await engineJson(engine, 'GET', `/containers/${containers[0].Id}/json`)
  if (!Config.Env.includes(`VERSION=${version}`)) return `${names} is of an older file`
  const { stdout } = await daemon.must(['ls', '-a', '--format', 'json'])
  const [{ Condition }] = JSON.parse(stdout)
  return Condition === 'steady' ? undefined : `the stack is ${Condition}`
}
