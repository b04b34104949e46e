import type { ContainerImage } from '../../../protocol/resources/operations.ts'
import { unlessAbsent } from '../absent-stack.ts'
import { command } from '../command.ts'
import { decimalSize } from '../render/sizes.ts'
import { ago, table } from '../render/table.ts'

export default command({
  name: 'images',
  positional: '[SERVICE...]',
  describe: 'List images used by the created containers',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
    quiet: { type: 'boolean', alias: 'q', describe: 'Only display IDs' },
  },
  async run(context, values, services) {
    const stack = await context.stackName()
    const { images } = await unlessAbsent(
      context.api.call('stackImages', { stack }, undefined, { services: services.join(',') }),
      () => ({ images: [] }),
    )
    const { output } = context
    if (values.quiet === true) {
      for (const id of new Set(images.map((image) => withoutAlgorithm(image.id)))) output.line(id)
    } else if (values.format === 'json') output.line(JSON.stringify(images.map(jsonOf)))
    else output.line(imageTable(images, new Date()))
    return 0
  },
})

const withoutAlgorithm = (id: string): string => id.replace(/^sha256:/, '')

function imageTable(images: readonly ContainerImage[], now: Date): string {
  return table(
    ['CONTAINER', 'REPOSITORY', 'TAG', 'PLATFORM', 'IMAGE ID', 'SIZE', 'CREATED'],
    images.map((image) => [
      image.container,
      image.repository || '<none>',
      image.tag || '<none>',
      image.platform,
      withoutAlgorithm(image.id).slice(0, 12),
      decimalSize(image.sizeBytes),
      image.createdAt === undefined ? 'N/A' : ago(image.createdAt, now),
    ]),
    { gap: 3, minimum: 20 },
  )
}

/** The keys of `docker compose images --format json`, and when the image was made. */
function jsonOf(image: ContainerImage): object {
  return {
    ID: image.id,
    ContainerName: image.container,
    Repository: image.repository,
    Tag: image.tag,
    Platform: image.platform,
    Size: image.sizeBytes,
    Created: image.createdAt,
    LastTagTime: image.lastTagTime,
  }
}
