/** Signals that ask a program to read its files again. */
export const ROTATION_SIGNALS = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const
