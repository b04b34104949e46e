import { expect, test } from 'vitest'
import { type GrpcCall, GrpcError } from '../../../daemon/build/buildkit/grpc.ts'
import { BytesMessage, CheckAgentRequest, SESSION } from '../../../daemon/build/buildkit/messages.ts'
import { sshMethods } from '../../../daemon/build/buildkit/ssh-forward.ts'
import type { SshAgent } from '../../../daemon/build/ssh-loans.ts'

const withLength = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** Answers each message with its bytes in reverse. */
const mirror: SshAgent = { ask: async (message) => Buffer.from(message).reverse() }

async function run(method: keyof typeof SESSION, id: string, messages: readonly Buffer[]): Promise<Buffer[]> {
  const answers: Buffer[] = []
  const call: GrpcCall = {
    metadata: (key) => (key === 'buildkit.ssh.id' ? [id] : []),
    messages: (async function* () {
      yield* messages
    })(),
    send: async (parts) => {
      answers.push(...parts)
    },
  }
  await sshMethods(new Map([['default', mirror]]), new AbortController().signal)[SESSION[method]]?.(call)
  return answers
}

const forwarded = async (id: string, pieces: readonly Buffer[]) =>
  Buffer.concat(
    (
      await run(
        'forwardAgent',
        id,
        pieces.map((data) => BytesMessage.encode({ data })),
      )
    ).map((answer) => BytesMessage.decode(answer).data),
  )

test('messages to an agent arrive whole, however they are cut, and are answered in their order', async () => {
  const first = Buffer.from('first message')
  const second = Buffer.from('2')
  const stream = Buffer.concat([withLength(first), withLength(second)])
  const expected = Buffer.concat([withLength(Buffer.from(first).reverse()), withLength(second)])
  for (let at = 0; at <= stream.length; at += 1) {
    expect(await forwarded('', [stream.subarray(0, at), stream.subarray(at)])).toEqual(expected)
  }
  expect(
    await forwarded(
      'default',
      [...stream].map((byte) => Buffer.of(byte)),
    ),
  ).toEqual(expected)
})

test('an agent that was not lent is refused by its id', async () => {
  await expect(forwarded('other', [])).rejects.toThrow('unset ssh forward key other')
  await expect(run('checkAgent', '', [CheckAgentRequest.encode({ ID: 'other' })])).rejects.toThrow(GrpcError)
  await expect(run('checkAgent', '', [CheckAgentRequest.encode({ ID: 'default' })])).resolves.toHaveLength(1)
})

test('a message that is larger than any of an agent ends the connection', async () => {
  await expect(forwarded('', [Buffer.of(0x7f, 0, 0, 0)])).rejects.toThrow('an agent takes no')
})

test('where none is lent BuildKit is not told of any', () => {
  expect(sshMethods(new Map(), new AbortController().signal)).toEqual({})
})
