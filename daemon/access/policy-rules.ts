/** The policy as the config file has it (`policy`), with what holds where it says nothing: as little as may be. */
import { z } from 'zod'
import { Problem } from '../../protocol/problems.ts'
import type { PolicyRules } from '../stack/policy-rules.ts'

const Patterns = z.array(z.string().min(1).max(300)).max(1000)

const PolicyFile = z.strictObject({
  bindRoots: z.array(z.string().regex(/^\//, 'an absolute path')).max(1000).default([]),
  hostPorts: z
    .string()
    .regex(/^\d{1,5}-\d{1,5}$/, 'two port numbers with a hyphen between: 1024-65535')
    .default('1024-65535'),
  images: Patterns.default(['*']),
  buildContexts: Patterns.default([]),
  logDrivers: z.array(z.string().min(1).max(100)).max(100).default([]),
  externals: Patterns.default([]),
})

export function policyRules(value: unknown, place: string): Omit<PolicyRules, 'forbiddenPaths' | 'delivery'> {
  const result = PolicyFile.safeParse(value)
  if (!result.success) {
    const [issue] = result.error.issues
    throw new Problem('bad-request', `${place}: ${['policy', ...(issue?.path ?? [])].join('.')}: ${issue?.message}`)
  }
  const { hostPorts, ...rules } = result.data
  const [from, to] = hostPorts.split('-').map(Number)
  return { ...rules, hostPorts: { from: from!, to: to! } }
}
