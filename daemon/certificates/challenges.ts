/** How an authority is shown that a host is ours: over HTTP by the ingress, or in the DNS by a program of the operator's. */
import { execFile } from 'node:child_process'
import { Problem } from '../../protocol/problems.ts'
import { CHALLENGE_PATH } from '../ingress/certificate-files.ts'
import { Refused } from './issuer.ts'

/** What an authority asked for, and is to find. */
export interface Challenge {
  readonly host: string
  readonly token: string
  /** Of `http-01` the body, of `dns-01` the text of the record. */
  readonly text: string
}

export interface ChallengeWay {
  readonly type: 'http-01' | 'dns-01'
  set(challenge: Challenge, signal: AbortSignal): Promise<void>
  /** Also where setting it failed half-way. */
  clear(challenge: Challenge): Promise<void>
}

/** The ingress, as far as this goes. */
export interface ChallengeAnswers {
  answerChallenge(path: string, text: string | undefined): Promise<void>
}

/** RFC 8555, 8.3. The ingress writes both into files of its own, so nothing else than what is said there is let through. */
export function overHttp(ingress: ChallengeAnswers): ChallengeWay {
  const pathOf = ({ token, text }: Challenge): string => {
    if (/^[A-Za-z0-9_-]{1,200}$/.test(token) && /^[A-Za-z0-9_.-]{1,300}$/.test(text)) return `${CHALLENGE_PATH}${token}`
    throw new Problem('certificate-refused', 'the authority asks with a token that RFC 8555 does not know')
  }
  return {
    type: 'http-01',
    set: async (challenge) => ingress.answerChallenge(pathOf(challenge), challenge.text),
    clear: async (challenge) => ingress.answerChallenge(pathOf(challenge), undefined),
  }
}

/** Until it answers, the record is not there for all: programs wait for name servers. */
const HOOK_MS = 300_000
const HOOK_BYTES = 65_536

/** RFC 8555, 8.4: the program is run with `set NAME VALUE`, and with `clear NAME VALUE` afterwards. No shell is in between. */
export function overDns(program: string): ChallengeWay {
  const run = (word: 'set' | 'clear', { host, text }: Challenge, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      execFile(
        program,
        [word, `_acme-challenge.${host}`, text],
        { timeout: HOOK_MS, maxBuffer: HOOK_BYTES, ...(signal === undefined ? {} : { signal }) },
        (error, _, complaint) => {
          if (error === null) return resolve()
          const said = complaint.trim().split('\n').at(-1) ?? ''
          const why = error.killed === true ? `did not end within ${HOOK_MS / 1000} s` : said || error.message
          reject(
            new Refused(`${program} ${word} _acme-challenge.${host} failed: ${why.slice(0, 300)}`, {
              hint: 'see evenkeeld --acme-dns-hook',
              cause: error,
            }),
          )
        },
      )
    })
  return {
    type: 'dns-01',
    set: (challenge, signal) => run('set', challenge, signal),
    clear: (challenge) => run('clear', challenge),
  }
}
