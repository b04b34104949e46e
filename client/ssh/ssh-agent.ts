/** An SSH agent, whether behind a socket or over keys of our own. */
export interface SshAgent {
  /** Message and answer without their lengths. */
  answer(message: Buffer): Promise<Uint8Array>
}
