/** Commands that have nothing to do where there is no stack are content, as Compose's are. */
import { Problem } from '../../protocol/problems.ts'

/** What `work` answers, or this where the stack is not there or down. */
export async function unlessAbsent<T, U>(work: Promise<T>, otherwise: () => U): Promise<T | U> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Problem && error.code === 'stack-not-found') return otherwise()
    throw error
  }
}
