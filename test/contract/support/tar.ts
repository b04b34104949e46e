import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { extract, pack } from 'tar-stream'

export type Files = Readonly<Record<string, string | Buffer>>

export function tarOf(files: Files): Promise<Buffer> {
  const tar = pack()
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o640 }, content)
  tar.finalize()
  return buffer(tar)
}

export const tarStreamOf = async (files: Files): Promise<Readable> => Readable.from([await tarOf(files)])

/** Content by name; folders are left out. */
export async function filesIn(tar: Readable, encoding: BufferEncoding = 'utf8'): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  const reader = extract()
  reader.on('entry', async (header, content, next) => {
    const text = (await buffer(content)).toString(encoding)
    if (header.type === 'file') files[header.name] = text
    next()
  })
  tar.on('error', (error) => reader.destroy(error))
  tar.pipe(reader)
  await once(reader, 'finish')
  return files
}
