import { Problem } from '../../../protocol/problems.ts'
import type { GarbageImage } from '../../../protocol/resources/garbage.ts'
import { command } from '../command.ts'
import { confirm } from '../confirm.ts'
import { decimalSize } from '../render/sizes.ts'
import { table } from '../render/table.ts'

export default command({
  name: 'gc',
  describe: `Show the images that only revisions of long ago need, and remove them once that is confirmed

Of all stacks. Images that a container has, whoever made it, that one of the last revisions needs (--keep), or that have a name of somebody else's stay.`,
  options: {
    keep: { type: 'number', describe: 'Revisions of each stack that keep their images', placeholder: 'N', default: 10 },
    yes: { type: 'boolean', alias: 'y', describe: "Don't ask, remove" },
    'dry-run': { type: 'boolean', describe: 'Only show' },
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  examples: [
    ['evenkeel gc --keep 3 --dry-run', 'what would go if three revisions of each stack were kept'],
    ['evenkeel gc -y', 'in a script'],
  ],
  async run({ api, output }, values, words) {
    if (words.length > 0) throw new Problem('bad-request', 'this takes no words', { hint: 'it is of all stacks' })
    const { keep } = values
    const { images } = await api.call('garbage', {}, undefined, { keep })
    if (values.format === 'json') output.json(images)
    else if (images.length === 0) output.line('Nothing to remove.')
    else output.line(imageTable(images))
    if (images.length === 0 || values['dry-run'] === true) return 0
    const size = decimalSize(images.reduce((total, { sizeBytes }) => total + sizeBytes, 0))
    if (values.yes !== true) {
      if (!process.stdin.isTTY) {
        output.note('Nothing was removed: say so with --yes.')
        return 0
      }
      if (!(await confirm(`Remove ${images.length} image(s), up to ${size}?`))) return 0
    }
    const { removed, left } = await api.call('collectGarbage', {}, { keep, images: images.map(({ id }) => id) })
    for (const { id, why } of left) output.note(`${shortId(id)} stays: ${why}`)
    output.note(`Removed ${removed.length} image(s).`)
    return 0
  },
})

const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12)

function imageTable(images: readonly GarbageImage[]): string {
  return table(
    ['IMAGE ID', 'NAMES', 'SIZE', 'LAST NEEDED BY'],
    images.map(({ id, names, sizeBytes, revisions }) => [
      shortId(id),
      names.join(', ') || '<none>',
      decimalSize(sizeBytes),
      revisions.map(({ stack, revision }) => `${stack} ${revision}`).join(', '),
    ]),
  )
}
