import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'

export default command({
  name: 'label',
  positional: 'STACK [KEY=VALUE...] [KEY-...]',
  describe:
    'Show, give and take (KEY-) labels of a stack, by which rights reach it: --stack KEY=VALUE of user, team, token',
  options: {},
  examples: [
    ['evenkeel label shop env=prod', 'users, teams and tokens with --stack env=prod have their role on it'],
    ['evenkeel label shop env-', 'take it away'],
  ],
  async run({ api, output }, _, [stack, ...words]) {
    if (stack === undefined)
      throw new Problem('bad-request', 'this takes the name of a stack', { hint: 'see its --help' })
    const changes = words.map(changeOf)
    let { labels } = await api.call('labels', { stack })
    for (const { label, value } of changes)
      ({ labels } =
        value === undefined
          ? await api.call('removeLabel', { stack, label })
          : await api.call('putLabel', { stack, label }, { value }))
    for (const [label, value] of Object.entries(labels)) output.line(`${label}=${value}`)
    return 0
  },
})

/** Nothing is changed before all are understood. */
function changeOf(word: string): { readonly label: string; readonly value?: string } {
  const at = word.indexOf('=')
  if (at > 0) return { label: word.slice(0, at), value: word.slice(at + 1) }
  if (at < 0 && word.length > 1 && word.endsWith('-')) return { label: word.slice(0, -1) }
  throw new Problem('bad-request', `"${word}" is neither KEY=VALUE nor KEY-`, { hint: 'see its --help' })
}
