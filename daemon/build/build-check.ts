/** What BuildKit's checks say of a Dockerfile, as its frontend answers them (frontend/subrequests/lint). */
import { z } from 'zod'
import { Problem } from '../../protocol/problems.ts'
import type { BuildCheck } from '../../protocol/resources/job.ts'

/** Of a frontend that has no checks; they came with Dockerfile 1.8. */
export const NO_CHECKS = /unsupported request frontend\.lint/

/** Go leaves out what is zero or empty. */
const Position = z.object({ line: z.number().int().default(0) })
const Range = z.object({ start: Position.prefault({}), end: Position.prefault({}) })
const Location = z.object({ sourceIndex: z.number().int().default(0), ranges: z.array(Range).nullish() })

const Answer = z.object({
  warnings: z
    .array(
      z.object({
        ruleName: z.string(),
        url: z.string().default(''),
        detail: z.string().default(''),
        location: Location.nullish(),
      }),
    )
    .nullish(),
  sources: z.array(z.object({ filename: z.string().default(''), data: z.string().default('') })).nullish(),
  buildError: z.object({ message: z.string(), location: Location.nullish() }).nullish(),
})

/** `metadata` as a solve with the request `frontend.lint` answers it. */
export function buildCheckOf(service: string, metadata: Readonly<Record<string, string>>): BuildCheck {
  const read = Answer.safeParse(jsonIn(metadata['result.json'] ?? ''))
  if (!read.success) {
    throw new Problem('engine-error', `the checks of service ${service} came back in a form that is not known`, {
      hint: 'is the frontend that the Dockerfile names (# syntax=) much newer than this evenkeel?',
      cause: read.error,
    })
  }
  const { warnings, sources, buildError } = read.data
  return {
    service,
    warnings: (warnings ?? []).map(({ ruleName, url, detail, location }) => ({
      rule: ruleName,
      url,
      detail,
      ...placeOf(location),
    })),
    ...(buildError == null ? {} : { error: { message: buildError.message, ...placeOf(buildError.location) } }),
    sources: (sources ?? []).map(({ filename, data }) => ({
      file: filename,
      text: Buffer.from(data, 'base64').toString('utf8'),
    })),
  }
}

function placeOf(location: z.infer<typeof Location> | null | undefined) {
  const ranges = (location?.ranges ?? []).map(({ start, end }) => ({
    start: start.line,
    end: Math.max(start.line, end.line),
  }))
  return location == null || location.sourceIndex < 0 ? { ranges } : { source: location.sourceIndex, ranges }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // No answer at all: the schema says so.
    return undefined
  }
}
