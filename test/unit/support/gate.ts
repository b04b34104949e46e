/** Stands open until it is held, and again from its release on. */
export class Gate {
  #passed: Promise<void> = Promise.resolve()
  #open = (): void => {}

  /** Resolves where it stands open. */
  get passed(): Promise<void> {
    return this.#passed
  }

  hold(): void {
    this.#passed = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  release(): void {
    this.#open()
    this.#passed = Promise.resolve()
  }
}
