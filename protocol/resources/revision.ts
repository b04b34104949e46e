import { z } from 'zod'
import type { ProxySettings } from '../proxy.ts'
import type { Model } from '../stackfile/model.ts'
import { StackName, Timestamp } from './common.ts'
import { Trial } from './trial.ts'

const ProxySchema = z.strictObject({
  httpProxy: z.string().max(4096).optional(),
  httpsProxy: z.string().max(4096).optional(),
  noProxy: z.string().max(65_536).optional(),
  ftpProxy: z.string().max(4096).optional(),
  allProxy: z.string().max(4096).optional(),
}) satisfies z.ZodType<ProxySettings>

/** Where a model came from: shown to people, written into Compose's own labels. Nothing is read from these paths. */
export const Source = z.strictObject({
  workingDir: z.string().max(4096),
  configFiles: z.array(z.string().max(4096)).max(100),
  environmentFiles: z.array(z.string().max(4096)).max(100).default([]),
  /** The machine that the client ran on. Two machines may use one stack name by accident. */
  host: z.string().max(255),
  /** Of that machine's Docker client: for containers and builds, below what the file says. */
  proxy: ProxySchema.optional(),
})
export type Source = z.infer<typeof Source>

/** The canonical model (protocol/stackfile/model.ts). Its inside is checked by the stack language's own validator. */
export const ModelSchema = z
  .custom<Model>((value) => typeof value === 'object' && value !== null && 'services' in value)
  .meta({ type: 'object', description: 'The JSON of `docker compose config --format json`' })

/** An image as a revision pinned it: the name that was asked for and the id that it had. */
export const ImagePin = z.object({ service: z.string(), reference: z.string(), imageId: z.string() })
export type ImagePin = z.infer<typeof ImagePin>

export const Revision = z.object({
  stack: StackName,
  number: z.number().int().positive(),
  createdAt: Timestamp,
  author: z.string(),
  note: z.string().optional(),
  source: Source,
  images: z.array(ImagePin),
  /** Whether it is what the stack is meant to be now. */
  current: z.boolean(),
  /** Present while it is on trial beside the current one. */
  trial: Trial.optional(),
  model: ModelSchema.optional(),
})
export type Revision = z.infer<typeof Revision>
