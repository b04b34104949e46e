import type { OutputChunk } from '../../../daemon/engine/types.ts'

/** All of a container's output, by stream. */
export async function outputOf(chunks: AsyncIterable<OutputChunk>): Promise<{ stdout: string; stderr: string }> {
  const parts: Record<OutputChunk['stream'], Buffer[]> = { stdout: [], stderr: [] }
  for await (const { stream, data } of chunks) parts[stream].push(data)
  return { stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() }
}

/** Lines without their ends; a terminal's carriage return belongs to the end. */
export const linesOf = (text: string): string[] => text.split(/\r?\n/).filter((line) => line !== '')

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
