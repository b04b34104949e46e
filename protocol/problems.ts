/**
 * Every error that the API or the stack-file loader can answer, as one table: a stable code, an HTTP status and a title
 * (RFC 9457 problem details). Code that fails on purpose throws a {@link Problem}; nothing else crosses the wire.
 */

interface ProblemKind {
  /** HTTP status of the answer. */
  readonly status: number
  /** Short summary that is the same for each occurrence. */
  readonly title: string
  /** Exit code of the client when a command ends with it. */
  readonly exitCode: number
}

const kind = (status: number, title: string, exitCode = 1): ProblemKind => ({ status, title, exitCode })

export const PROBLEMS = {
  'bad-request': kind(400, 'The request is not valid'),
  'stack-file-invalid': kind(422, 'The stack file is not valid'),
  'stack-file-not-found': kind(404, 'No stack file was found'),
  unsupported: kind(422, 'This is not supported'),
  'not-found': kind(404, 'There is no such route'),
  'stack-not-found': kind(404, 'There is no such stack'),
  'service-not-found': kind(404, 'There is no such service'),
  'revision-not-found': kind(404, 'There is no such revision'),
  'deployment-not-found': kind(404, 'There is no such deployment'),
  'job-not-found': kind(404, 'There is no such job'),
  'volume-not-found': kind(404, 'There is no such volume'),
  'volume-protected': kind(409, 'The volume is protected'),
  'volume-in-use': kind(409, 'The volume is in use'),
  'archive-damaged': kind(422, 'The archive is damaged'),
  'container-not-found': kind(404, 'There is no such container'),
  'stack-owned-elsewhere': kind(409, 'The stack name is in use from another source', 15),
  'stack-held': kind(409, 'The stack is held'),
  'trial-under-way': kind(409, 'A revision of the stack is on trial'),
  'stack-blocked': kind(409, 'The stack is blocked'),
  unauthenticated: kind(401, 'Who calls is not known'),
  forbidden: kind(403, 'This caller may not do that'),
  'policy-violation': kind(403, 'The policy does not allow this'),
  'too-many-attempts': kind(429, 'Too many wrong attempts'),
  'too-many-requests': kind(429, 'Too many requests'),
  'user-not-found': kind(404, 'There is no such user'),
  'token-not-found': kind(404, 'There is no such token'),
  'role-not-found': kind(404, 'There is no such role'),
  'team-not-found': kind(404, 'There is no such team'),
  'invitation-not-found': kind(404, 'There is no such invitation'),
  'secret-not-found': kind(404, 'There is no such secret'),
  'certificate-not-found': kind(404, 'There is no such certificate'),
  'certificate-invalid': kind(422, 'The certificate cannot be used'),
  'certificate-refused': kind(502, 'The authority gave no certificate'),
  conflict: kind(409, 'The request conflicts with the present state'),
  'payload-too-large': kind(413, 'The request is too large'),
  'unsupported-media-type': kind(415, 'The content type is not accepted'),
  superseded: kind(409, 'A newer request took the place of this one'),
  cancelled: kind(409, 'It was cancelled'),
  'deployment-failed': kind(500, 'The deployment failed'),
  'image-missing': kind(404, 'The image is not there'),
  'registry-denied': kind(403, 'The registry refused the credentials'),
  'build-failed': kind(422, 'The build failed'),
  'port-taken': kind(409, 'The port is taken'),
  'dependency-failed': kind(424, 'A dependency failed'),
  'ingress-failed': kind(502, 'The ingress does not do what it is to do'),
  'wait-timeout': kind(504, 'The stack did not become ready in time'),
  'engine-unreachable': kind(503, 'The Engine does not answer'),
  'engine-too-old': kind(422, 'The Engine is too old for this'),
  'engine-error': kind(502, 'The Engine refused the call'),
  'engine-timeout': kind(504, 'The Engine did not answer in time'),
  'daemon-unreachable': kind(503, 'The daemon does not answer', 16),
  'state-folder-in-use': kind(409, 'Another daemon runs on this state folder'),
  'state-damaged': kind(500, 'The state is damaged'),
  'state-unwritable': kind(507, 'The state cannot be written'),
  internal: kind(500, 'Something went wrong inside the daemon'),
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof PROBLEMS

/** Where in a stack file (or an env file) something is wrong. Lines and columns count from 1. */
export interface SourcePlace {
  readonly file: string
  readonly line: number
  readonly column: number
  /** The text of that line, and how many characters of it, from `column` on, are meant. */
  readonly excerpt?: { readonly text: string; readonly length: number }
}

/** One finding among several: a stack file shows all of its errors in one go. */
export interface Finding {
  readonly message: string
  readonly hint?: string
  /** Path of the offending key, such as `services.web.ports[0]`. */
  readonly path?: string
  readonly place?: SourcePlace
}

/** The body of an error answer, `application/problem+json`. */
export interface ProblemDetails {
  readonly type: string
  readonly code: ProblemCode
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly hint?: string
  readonly findings?: readonly Finding[]
  /** For engine errors: the call, such as `POST /containers/create`, and the status that the Engine answered. */
  readonly engine?: { readonly call: string; readonly status?: number }
}

export interface ProblemOptions {
  readonly hint?: string | undefined
  readonly findings?: readonly Finding[] | undefined
  readonly engine?: { readonly call: string; readonly status?: number } | undefined
  readonly cause?: unknown
}

/** An error that a person is meant to read: what failed (`message`), what to do (`hint`), and a stable `code`. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly hint: string | undefined
  readonly findings: readonly Finding[] | undefined
  readonly engine: { readonly call: string; readonly status?: number } | undefined

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.findings = options.findings
    this.engine = options.engine
  }

  get status(): number {
    return PROBLEMS[this.code].status
  }

  get exitCode(): number {
    return PROBLEMS[this.code].exitCode
  }

  toDetails(): ProblemDetails {
    const { title, status } = PROBLEMS[this.code]
    return {
      type: `https://evenkeel.dev/problems/${this.code}`,
      code: this.code,
      title,
      status,
      detail: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.findings === undefined ? {} : { findings: this.findings }),
      ...(this.engine === undefined ? {} : { engine: this.engine }),
    }
  }

  /** Rebuilds the error on the other side of the wire. An unknown code (a newer daemon) becomes `internal`. */
  static fromDetails(details: ProblemDetails): Problem {
    const code = Object.hasOwn(PROBLEMS, details.code) ? details.code : 'internal'
    return new Problem(code, details.detail, {
      hint: details.hint,
      findings: details.findings,
      engine: details.engine,
    })
  }
}
