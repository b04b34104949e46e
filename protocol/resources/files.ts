import { z } from 'zod'

/** A path in a container. What comes after the last `/` has a meaning: `FOLDER/.` is what is in the folder. */
export const ContainerPath = z.string().max(4096).startsWith('/')

export const PathQuery = z.strictObject({ path: ContainerPath.default('/') })
export type PathQuery = z.infer<typeof PathQuery>

export const PutFilesQuery = z.strictObject({
  path: ContainerPath.default('/'),
  /** `container`: the files get the container's user and group. `archive`: the numbers that stand in the archive. */
  owners: z.enum(['container', 'archive']).default('archive'),
})
export type PutFilesQuery = z.infer<typeof PutFilesQuery>

export const PathInfo = z.object({
  kind: z.enum(['file', 'folder', 'link', 'other']),
  size: z.number(),
  /** Where a link leads, as the container sees it. Empty for what is none. */
  linkTarget: z.string(),
})
export type PathInfo = z.infer<typeof PathInfo>

export const PathAnswer = z.object({ path: z.string(), info: PathInfo.nullable().describe('null: it is not there') })
export type PathAnswer = z.infer<typeof PathAnswer>
