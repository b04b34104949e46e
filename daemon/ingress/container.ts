/** The container that HAProxy runs in, anew only where another image is configured: on the host's network, with a folder of ours for its configuration and its socket. */
import { Problem } from '../../protocol/problems.ts'
import { lastLines } from '../engine/last-lines.ts'
import type { ContainerCreateBody, ContainerInspect, Engine } from '../engine/types.ts'
import { OURS } from '../stack/labels.ts'
import { INSIDE } from './inside.ts'

const ROLE = 'dev.evenkeel.ingress'

export class IngressContainer {
  readonly name: string
  readonly #engine: Engine
  readonly #image: string
  readonly #folder: string
  readonly #instance: string

  constructor(parts: { engine: Engine; image: string; folder: string; instance: string }) {
    this.#engine = parts.engine
    this.#image = parts.image
    this.#folder = parts.folder
    this.#instance = parts.instance
    this.name = `evenkeel-ingress-${parts.instance.slice(0, 8)}`
  }

  /** It runs when this resolves. `false`: it did already. */
  async ensure(signal?: AbortSignal): Promise<boolean> {
    const there = await this.#find(signal)
    if (there !== undefined && there.Config.Labels[OURS.instance] !== this.#instance) {
      throw new Problem('conflict', `a container that is not of this daemon is called ${this.name}`, {
        hint: `rename or remove it: docker rm ${this.name}`,
      })
    }
    const isOther = there !== undefined && there.Config.Image !== this.#image
    if (!isOther && there?.State.Running === true && !there.State.Restarting) return false
    if (isOther) await this.#engine.containers.remove(this.name, { force: true }, { signal })
    if (there === undefined || isOther) {
      await this.#ensureImage(signal)
      await this.#engine.containers.create({ name: this.name }, this.#body(), { signal })
    }
    await this.#engine.containers.start(this.name, { signal })
    return true
  }

  async remove(signal?: AbortSignal): Promise<void> {
    const there = await this.#find(signal)
    if (there?.Config.Labels[OURS.instance] !== this.#instance) return
    await this.#engine.containers.remove(this.name, { force: true }, { signal })
  }

  /** How often the Engine has started it again since somebody did. */
  async restarts(): Promise<number> {
    return (await this.#find(undefined))?.RestartCount ?? 0
  }

  /** What it said last of what is wrong: at most some lines. */
  async complaints(): Promise<string> {
    const lines = await lastLines(this.#engine, this.name, 20)
    return lines
      .filter((line) => /ALERT|WARNING|cannot|error/i.test(line))
      .slice(-5)
      .join('\n')
  }

  async #find(signal: AbortSignal | undefined): Promise<ContainerInspect | undefined> {
    try {
      return await this.#engine.containers.inspect(this.name, { signal })
    } catch (error) {
      if (error instanceof Problem && error.engine?.status === 404) return undefined
      throw error
    }
  }

  async #ensureImage(signal: AbortSignal | undefined): Promise<void> {
    if ((await this.#engine.images.inspect(this.#image, { signal })) !== undefined) return
    try {
      for await (const _ of this.#engine.images.pull({ reference: this.#image }, { signal })) signal?.throwIfAborted()
    } catch (cause) {
      if (signal?.aborted) throw cause
      throw new Problem('image-missing', `the image of the ingress, ${this.#image}, is not here and cannot be pulled`, {
        hint: 'name another one, with HAProxy 2.6 or newer: evenkeeld --ingress-image IMAGE',
        cause,
      })
    }
  }

  /** Root, for the folder is the daemon's, with nothing of root's but low ports. */
  #body(): ContainerCreateBody {
    return {
      Image: this.#image,
      Entrypoint: ['haproxy'],
      Cmd: ['-W', '-db', '-S', `${INSIDE}/master.sock,mode,600`, '-f', `${INSIDE}/haproxy.cfg`],
      User: '0:0',
      Labels: { [OURS.instance]: this.#instance, [ROLE]: 'haproxy' },
      HostConfig: {
        NetworkMode: 'host',
        Binds: [`${this.#folder}:${INSIDE}`],
        RestartPolicy: { Name: 'always' },
        CapDrop: ['ALL'],
        CapAdd: ['NET_BIND_SERVICE'],
        ReadonlyRootfs: true,
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
      },
    }
  }
}
