import { z } from 'zod'
import { StackName } from './common.ts'

/** A named volume of a stack, as the Engine has it. */
export const Volume = z.object({
  /** Its name on the Engine. */
  name: z.string(),
  stack: StackName,
  /** Its key under `volumes` of the file. */
  key: z.string(),
  driver: z.string(),
  createdAt: z.string().optional(),
  mountpoint: z.string(),
  options: z.record(z.string(), z.string()),
  labels: z.record(z.string(), z.string()),
  /** Absent where the Engine does not know it, as of drivers other than `local`. */
  sizeBytes: z.number().int().optional(),
  /** No command removes it until `volume unprotect`. */
  protected: z.boolean(),
  usedBy: z.array(z.object({ container: z.string(), state: z.string() })),
})
export type Volume = z.infer<typeof Volume>

/** What was brought into a volume. */
export const VolumeImport = z.object({
  volume: z.string(),
  bytes: z.number().int(),
  /** Of the archive as it came, in hex. */
  sha256: z.string(),
  /** The volume was not there and was made as its stack declares it. */
  created: z.boolean(),
})
export type VolumeImport = z.infer<typeof VolumeImport>

export const VolumeImportOptions = z.strictObject({
  /** What the archive is to be, in hex. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits in lower case')
    .optional(),
  /** `empty`: refused where the volume holds something. `merge`: written over what is there. */
  into: z.enum(['empty', 'merge']).default('empty'),
})
export type VolumeImportOptions = z.infer<typeof VolumeImportOptions>
