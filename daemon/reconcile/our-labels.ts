import { OURS } from '../stack/labels.ts'

/** By these, an object is ours. */
export const ourLabels = (instance: string, stack: string): Record<string, string> => ({
  [OURS.instance]: instance,
  [OURS.stack]: stack,
})
