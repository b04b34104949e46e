/** The types of what we use of `test/lab`, which is plain JavaScript. */
declare module '*/lab/images.mjs' {
  export function ensureImages(engineUrl: string): Promise<string[]>
}

declare module '*/lab/private-engine.mjs' {
  export interface PrivateEngine {
    readonly socket: string
    start(): Promise<void>
    kill(): Promise<void>
    remove(): Promise<void>
  }
  export function whyNoPrivateEngine(): string | undefined
  export function privateEngine(name: string): Promise<PrivateEngine>
}
