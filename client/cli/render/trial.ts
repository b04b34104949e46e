/** What is on trial, for people. */
import type { Trial } from '../../../protocol/resources/trial.ts'
import { trialWords } from '../../../protocol/trial-words.ts'

/** `canary: 10 % of web goes to revision 3` */
export const trialLine = (trial: Trial): string => `${trial.strategy}: ${trialWords(trial)}`

/** The same, with what waits for it and who decides. */
export function trialLines(trial: Trial): string {
  const { waiting, promotedAt, share } = trial
  const next =
    share === 0
      ? 'evenkeel promote switches to it, evenkeel abort takes it back'
      : promotedAt === undefined
        ? 'evenkeel promote has it everywhere, evenkeel abort takes it back'
        : `evenkeel abort switches back; it is promoted at ${promotedAt}, or by evenkeel promote`
  return [
    `${trialLine(trial)} (since ${trial.begunAt}, by ${trial.begunBy}): ${next}`,
    ...(waiting.length === 0 ? [] : [`until it is promoted these stay as they were: ${waiting.join(', ')}`]),
  ].join('\n')
}

/** For a table: `canary 10 %`. */
export const trialMark = ({ strategy, share }: Trial): string => `${strategy} ${share} %`
