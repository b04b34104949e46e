import type { Performance } from '../performance.ts'

/** All replicas of the service. One that fails fails the wait at once. */
export async function awaitService({
  body,
  context,
  with: { waiter },
  signal,
}: Performance<'await-service'>): Promise<void> {
  const failed = new AbortController()
  const both = AbortSignal.any([signal, failed.signal])
  try {
    await Promise.all(context.containerIds(body.service).map((id) => waiter.wait(id, body.service, body.until, both)))
  } catch (error) {
    failed.abort(error)
    if (body.required) throw error
    context.warn(`optional dependency: ${error instanceof Error ? error.message : String(error)}`)
    throw error
  }
}
