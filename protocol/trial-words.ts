import type { Trial } from './resources/trial.ts'

/** `10 % of web goes to revision 3` */
export function trialWords({
  strategy,
  share,
  services,
  revision,
}: Pick<Trial, 'strategy' | 'share' | 'revision'> & { readonly services: readonly string[] }): string {
  const names = services.join(', ')
  if (strategy === 'canary') return `${share} % of ${names} goes to revision ${revision}`
  return share === 0
    ? `revision ${revision} of ${names} stands by`
    : `${names} is switched to revision ${revision}, and what was there before stands by`
}
