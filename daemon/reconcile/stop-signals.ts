/** Which signals mean "stop" rather than "reload" or "tell me how you are". */
import { constants } from 'node:os'
import type { ContainerInspect } from '../engine/types.ts'

/** Sent by a person, these ask a program to end, whatever it is. */
const ENDING = new Set(['KILL', 'TERM', 'INT'])

/** `9`, `kill` and `SIGKILL` are one signal. */
export function signalName(signal: string): string {
  const name = signal.toUpperCase().replace(/^SIG/, '')
  if (!/^\d+$/.test(name)) return name
  const known = Object.entries(constants.signals).find(([, number]) => number === Number(name))
  return known === undefined ? name : known[0].slice('SIG'.length)
}

export const isEnding = (signal: string): boolean => ENDING.has(signalName(signal))

/** Whether it is what `docker stop` would send to this container: its file's or its image's stop signal. */
export function isStopSignal(signal: string, { Config }: Pick<ContainerInspect, 'Config'>): boolean {
  return typeof Config.StopSignal === 'string' && signalName(Config.StopSignal) === signalName(signal)
}
