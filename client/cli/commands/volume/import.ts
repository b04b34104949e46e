import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { formatBytes } from '../../../../protocol/bytes.ts'
import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'

export default command({
  name: 'volume import',
  positional: 'VOLUME [FILE|-]',
  describe:
    'Bring a tar into an empty volume (which is made as its stack declares it where it is missing), with owners, modes, times and links. Nothing that uses it may run',
  options: {
    sha256: {
      type: 'string',
      describe: 'What the archive is to be; a file is checked before it is sent',
      placeholder: 'HEX',
    },
    merge: { type: 'boolean', describe: 'Write over what the volume holds' },
  },
  examples: [['evenkeel volume import shop_data data.tar', 'what `volume export` wrote']],
  async run({ api, output }, values, words) {
    const [volume, file = '-', ...others] = words
    if (volume === undefined || others.length > 0)
      throw new Problem('bad-request', 'this takes the name of a volume, and a file', { hint: 'see its --help' })
    const sha256 = values.sha256?.toLowerCase()
    const bytes = file === '-' ? undefined : await checked(file, sha256)
    const tar = file === '-' ? process.stdin : createReadStream(file)
    const query = { ...(sha256 === undefined ? {} : { sha256 }), ...(values.merge === true ? { into: 'merge' } : {}) }
    const done = await api.importVolume({ volume }, query, tar, bytes)
    output.line(`${done.sha256}  ${volume} (${formatBytes(done.bytes)}${done.created ? ', made anew' : ''})`)
    return 0
  },
})

/** Answers its size. Read twice rather than brought in wrong. */
async function checked(file: string, sha256: string | undefined): Promise<number> {
  try {
    const info = await stat(file)
    if (!info.isFile()) throw new Problem('bad-request', `${file} is no file`, { hint: 'from a pipe: -' })
    if (sha256 === undefined) return info.size
    const hash = createHash('sha256')
    await pipeline(createReadStream(file), hash)
    const found = hash.digest('hex')
    if (found === sha256) return info.size
    throw new Problem('archive-damaged', `${file} is not the archive you named: its SHA-256 is ${found}`, {
      hint: 'nothing was changed',
    })
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('bad-request', `${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}
