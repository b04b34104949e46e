import { z } from 'zod'
import { StackName } from './common.ts'
import { DriftField } from './container.ts'
import { Trial } from './trial.ts'

/** How an action looks to a person: `+`, `~`, `-/+`, `-`, or a wait. */
export const Effect = z.enum(['create', 'change', 'replace', 'remove', 'wait'])
export type Effect = z.infer<typeof Effect>

export const PlannedAction = z.object({
  id: z.string(),
  action: z.string(),
  object: z.string(),
  service: z.string().optional(),
  effect: Effect,
  reason: z.string(),
  /** Ids of the actions that come before it. */
  after: z.array(z.string()),
})
export type PlannedAction = z.infer<typeof PlannedAction>

/** What the daemon would do, in an order that respects `after`. Empty where nothing is to be done. */
export const Plan = z.object({
  stack: StackName,
  actions: z.array(PlannedAction),
  counts: z.object({
    create: z.number().int(),
    change: z.number().int(),
    replace: z.number().int(),
    remove: z.number().int(),
    unchanged: z.number().int(),
  }),
  /** In which order the services of the plan are replaced, and why. */
  rollouts: z
    .array(z.object({ service: z.string(), order: z.enum(['start-first', 'stop-first']), why: z.string() }))
    .default([]),
  warnings: z.array(z.string()),
  /** What would be on trial, or is. */
  trial: Trial.optional(),
  /** Containers that somebody changed past the daemon, and tags that mean another image by now. */
  drift: z.array(z.object({ container: z.string(), service: z.string(), fields: z.array(DriftField) })),
})
export type Plan = z.infer<typeof Plan>
