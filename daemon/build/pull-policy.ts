/** Whether an image is taken as it is, pulled or built: Compose's rules, as a pure function. */
export interface ImageQuestion {
  readonly service: string
  readonly reference: string
  /** `pull_policy` of the service. */
  readonly policy: string | undefined
  /** `--pull`. It wins over the file. */
  readonly pullOption: 'always' | 'missing' | 'never' | 'build' | undefined
  /** `--build`, `--no-build`. */
  readonly buildOption: 'missing' | 'always' | 'never'
  readonly hasBuild: boolean
  readonly hasImage: boolean
  readonly present: boolean
  /** RFC 3339. */
  readonly lastTagTime: string | undefined
  readonly now: Date
}

export type ImageDecision =
  | { readonly kind: 'use' }
  | { readonly kind: 'pull' | 'build' | 'pull-else-build'; readonly reason: string }
  | { readonly kind: 'fail'; readonly reason: string; readonly hint: string }

const DAY_MS = 86_400_000

export function imageDecision(question: ImageQuestion): ImageDecision {
  const { reference, service, present, hasBuild, buildOption } = question
  const policy = question.pullOption ?? question.policy ?? 'missing'
  if (hasBuild && buildOption === 'always') return { kind: 'build', reason: '--build was given' }
  if (policy === 'build') {
    if (!hasBuild) return fail(question, `service ${service} has pull_policy build and no build section`)
    if (buildOption === 'never') return present ? { kind: 'use' } : notBuilt(question)
    return { kind: 'build', reason: 'pull_policy is build' }
  }
  if (policy === 'never') return present ? { kind: 'use' } : onlyBuild(question)
  if (policy === 'always') {
    if (!hasBuild) return { kind: 'pull', reason: `pull policy is always` }
    if (question.hasImage && question.pullOption !== 'always') return pullOrBuild(question, 'pull_policy is always')
    return present ? { kind: 'use' } : onlyBuild(question)
  }
  const ageMs = maximumAge(policy)
  if (present && (ageMs === undefined || age(question) < ageMs)) return { kind: 'use' }
  if (present)
    return hasBuild ? { kind: 'use' } : { kind: 'pull', reason: `the image is older than its pull_policy (${policy})` }
  if (hasBuild)
    return question.hasImage && question.policy !== undefined
      ? pullOrBuild(question, `${reference} is not here`)
      : onlyBuild(question)
  return { kind: 'pull', reason: `${reference} is not here` }
}

function pullOrBuild(question: ImageQuestion, reason: string): ImageDecision {
  return { kind: question.buildOption === 'never' ? 'pull' : 'pull-else-build', reason }
}

function onlyBuild(question: ImageQuestion): ImageDecision {
  if (!question.hasBuild)
    return fail(
      question,
      `image ${question.reference} of service ${question.service} is not here and may not be pulled`,
    )
  if (question.buildOption === 'never') return notBuilt(question)
  return { kind: 'build', reason: `${question.reference} is not here` }
}

function notBuilt({ reference, service }: ImageQuestion): ImageDecision {
  return {
    kind: 'fail',
    reason: `image ${reference} of service ${service} is not built, and --no-build was given`,
    hint: 'leave --no-build out, or build it first',
  }
}

function fail({ reference }: ImageQuestion, reason: string): ImageDecision {
  return { kind: 'fail', reason, hint: `make it here (docker pull/build/load ${reference}), or change pull_policy` }
}

/** `daily`, `weekly`, `every_12h`. */
function maximumAge(policy: string): number | undefined {
  if (policy === 'daily') return DAY_MS
  if (policy === 'weekly') return 7 * DAY_MS
  if (!policy.startsWith('every_')) return undefined
  let total = 0
  for (const [, count, unit] of policy.slice(6).matchAll(/(\d+)([wdhms])/g)) {
    total +=
      Number(count) *
      { w: 7 * DAY_MS, d: DAY_MS, h: 3_600_000, m: 60_000, s: 1000 }[unit as 'w' | 'd' | 'h' | 'm' | 's']
  }
  return total
}

function age({ lastTagTime, now }: ImageQuestion): number {
  const time = Date.parse(lastTagTime ?? '')
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : now.getTime() - time
}
